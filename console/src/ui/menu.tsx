import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Icon, type IconName } from "./icon";

/** One entry of a menu: a link, a verb, or null for a line between groups. */
export type MenuItem =
  | null
  | { icon: IconName; label: string; href: string; key?: string /** Not on phones. */; wide?: boolean }
  | { icon: IconName; label: string; run: () => void; bad?: boolean; key?: string };

interface MenuProps {
  label: string;
  /** The entries, or what loads them when the menu is opened. */
  items: MenuItem[] | (() => Promise<MenuItem[]>);
  className?: string;
  children: ReactNode;
}

/** A button that opens a menu. The platform closes it on Escape or a click elsewhere; arrows move in it. */
export function Menu({ label, items, className = "btn btn--icon btn--quiet", children }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const pop = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const [loaded, setLoaded] = useState<MenuItem[]>();
  const shown = Array.isArray(items) ? items : loaded;
  const isReady = open && shown !== undefined;
  useEffect(() => {
    if (!isReady || !button.current || !pop.current) return;
    place(pop.current, button.current);
    entries(pop.current)[0]?.focus();
  }, [isReady]);
  const toggle = (next: boolean) => {
    setOpen(next);
    setLoaded(undefined);
    if (next && !Array.isArray(items)) items().then(setLoaded, () => pop.current?.hidePopover());
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className={className}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        popoverTarget={id}
      >
        {children}
      </button>
      <div
        ref={pop}
        id={id}
        popover="auto"
        role="menu"
        aria-label={label}
        className="pop pop--menu"
        onToggle={(event) => toggle(event.newState === "open")}
        onKeyDown={(event) => move(event, pop.current)}
      >
        {open &&
          shown?.map((item, i) => (
            <Entry
              key={item === null ? `line ${i}` : item.label}
              item={item}
              close={() => pop.current?.hidePopover()}
            />
          ))}
      </div>
    </>
  );
}

function Entry({ item, close }: { item: MenuItem; close: () => void }) {
  if (item === null) return <hr className="hr" />;
  const content = (
    <>
      <Icon name={item.icon} />
      <span className="grow">{item.label}</span>
      {item.key && <kbd>{item.key}</kbd>}
    </>
  );
  if ("href" in item) {
    return (
      <a
        role="menuitem"
        className={item.wide ? "item only-wide" : "item"}
        href={item.href}
        tabIndex={-1}
        onClick={close}
      >
        {content}
      </a>
    );
  }
  const run = () => {
    close();
    item.run();
  };
  return (
    <button type="button" role="menuitem" className={item.bad ? "item item--bad" : "item"} tabIndex={-1} onClick={run}>
      {content}
    </button>
  );
}

function entries(pop: HTMLElement): HTMLElement[] {
  return [...pop.querySelectorAll<HTMLElement>("[role=menuitem]")].filter((entry) => entry.checkVisibility());
}

function move(event: React.KeyboardEvent, pop: HTMLElement | null) {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: Number.NEGATIVE_INFINITY, End: Number.POSITIVE_INFINITY }[event.key];
  if (step === undefined || !pop) return;
  event.preventDefault();
  const all = entries(pop);
  const now = all.indexOf(document.activeElement as HTMLElement);
  const next = Number.isFinite(step) ? (now + step + all.length) % all.length : step < 0 ? 0 : all.length - 1;
  all[next]?.focus();
}

/** Puts a popover below its button, or above where there is no room, within the window. */
export function place(pop: HTMLElement, anchor: HTMLElement) {
  const at = anchor.getBoundingClientRect();
  const { width, height } = pop.getBoundingClientRect();
  const below = at.bottom + 4;
  const top = below + height > innerHeight ? Math.max(4, at.top - height - 4) : below;
  const left = at.right - width < 4 ? at.left : at.right - width;
  pop.style.top = `${top}px`;
  pop.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
}
