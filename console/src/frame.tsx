import { type ReactNode, useEffect } from "react";
import words from "#words/shell";
import { href } from "./route";
import { say } from "./say";
import { session, signOut } from "./session";
import { useStore } from "./store";
import { IconButton } from "./ui/button";
import { Icon, type IconName } from "./ui/icon";
import { Menu } from "./ui/menu";

type PlaceName = "journeys" | "customers" | "settings";

const placeIcons: Record<PlaceName, IconName> = { journeys: "outline", customers: "people", settings: "settings" };

interface PageProps {
  title: string;
  /** The place in the bar that is the present one. */
  place?: PlaceName;
  children: ReactNode;
}

/** A page below the top bar with the three places. */
export function Page({ title, place, children }: PageProps) {
  useTitle(title);
  return (
    <div className="app app--page">
      <SkipLink />
      <header className="bar">
        <Brand />
        <Places here={place} className="places only-wide" />
        <div className="push">
          <Account />
        </div>
      </header>
      <main id="main" className="scroll" tabIndex={-1} aria-label={title}>
        {children}
      </main>
      <Places here={place} className="tabbar only-phone" icons />
    </div>
  );
}

let arrived = false;

/**
 * Sets the title of the browser's tab. When one place follows another, the focus goes to its `main`, whose name
 * a screen reader then says; the first place of a page leaves the focus where the browser put it.
 */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = title === words.title ? title : `${title} · ${words.title}`;
  }, [title]);
  useEffect(() => {
    if (arrived && !document.querySelector("dialog[open]")) document.getElementById("main")?.focus();
    // Later, because the development build runs each first effect twice.
    queueMicrotask(() => {
      arrived = true;
    });
  }, []);
}

/** The first stop of the Tab key: past the bars. */
export function SkipLink() {
  return (
    <button type="button" className="skip" onClick={() => document.getElementById("main")?.focus()}>
      {words.skip}
    </button>
  );
}

/** The product's sign and name: the way to the journeys. */
export function Brand() {
  return (
    <a className="brand" href={href({ name: "journeys" })}>
      <Icon name="logo" />
      <span>{words.title}</span>
    </a>
  );
}

interface PlacesProps {
  here: PlaceName | undefined;
  className: string;
  icons?: boolean;
}

/** The ways to the places: in the bar, and on phones with icons at the bottom. */
function Places({ here, className, icons = false }: PlacesProps) {
  const who = useStore(session);
  const places = (["journeys", "customers", "settings"] as const).filter(
    (name) => name !== "customers" || who?.role !== "viewer",
  );
  return (
    <nav className={className} aria-label={words.places}>
      {places.map((name) => (
        <a
          key={name}
          className={icons ? undefined : "place"}
          href={href({ name })}
          aria-current={name === here ? "page" : undefined}
        >
          {icons && <Icon name={placeIcons[name]} />}
          {words[name]}
        </a>
      ))}
    </nav>
  );
}

/** The keys of the console, and who is signed in. */
export function Account() {
  const who = useStore(session);
  if (who === null || who.role === null) return null;
  const label = say(words.account, { name: who.name, role: words[who.role], tenant: who.tenant });
  return (
    <div className="row row--1">
      <IconButton icon="help" label={words.help} onClick={() => window.dispatchEvent(new Event("journeys:help"))} />
      <Menu
        label={label}
        className="avatar"
        items={[
          { icon: "settings", label: words.settings, href: href({ name: "settings" }) },
          null,
          { icon: "leave", label: words.signOut, run: () => void signOut() },
        ]}
      >
        {initials(who.name)}
      </Menu>
    </div>
  );
}

function initials(name: string): string {
  const parts = name.split(/[\s._@-]+/).filter(Boolean);
  return ((parts[0]?.[0] ?? "?") + (parts.length > 1 ? (parts.at(-1)?.[0] ?? "") : "")).toUpperCase();
}
