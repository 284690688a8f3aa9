import { useEffect, useRef } from "react";
import words from "#words/build";
import type { Gap } from "../../../graph/canvas";
import { kindOf, nameOf } from "../../../graph/describe";
import { canConnect, edgeAt } from "../../../graph/edit";
import { Tile } from "../../../graph/tile";
import type { Graph } from "../../../graph/types";
import { Icon } from "../../../ui/icon";
import { place } from "../../../ui/menu";
import { addable, looksOf } from "./kinds";
import type { Commands } from "./use-commands";

interface InsertMenuProps {
  graph: Graph;
  gap: Gap;
  anchor: HTMLElement | null;
  commands: Commands;
  onClose: () => void;
}

/** Asks what to add on a way: a kind of step, what was copied, or a step that is already there. */
export function InsertMenu({ graph, gap, anchor, commands, onClose }: InsertMenuProps) {
  const pop = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const menu = pop.current;
    if (!menu) return;
    menu.showPopover();
    if (anchor?.isConnected) place(menu, anchor);
    else menu.classList.add("pop--middle");
    menu.querySelector("button")?.focus();
  }, [anchor]);
  const run = (command: () => void) => () => {
    pop.current?.hidePopover();
    command();
  };
  const open = edgeAt(graph, gap) === undefined;
  const targets = open ? graph.nodes.filter(({ id }) => canConnect(graph, gap, id)) : [];
  return (
    <div
      ref={pop}
      popover="auto"
      role="menu"
      aria-label={words.addHere}
      tabIndex={-1}
      className="pop pop--menu insert-menu scroll"
      onToggle={(event) => event.newState === "closed" && onClose()}
      onKeyDown={move}
    >
      {addable.map((type) => {
        const look = looksOf(type);
        return (
          <button
            key={type}
            type="button"
            role="menuitem"
            tabIndex={-1}
            className="item"
            onClick={run(() => commands.add(gap, type))}
          >
            <Tile of={look} small />
            {look.word}
          </button>
        );
      })}
      <hr className="hr" />
      <button
        type="button"
        role="menuitem"
        tabIndex={-1}
        className="item"
        onClick={run(() => void commands.paste(null, gap))}
      >
        <Icon name="copy" />
        <span className="grow">{words.paste}</span>
        <kbd>V</kbd>
      </button>
      {targets.length > 0 && (
        <>
          <hr className="hr" />
          <p className="pop-title">{words.continueAt}</p>
          {targets.map((node) => (
            <button
              key={node.id}
              type="button"
              role="menuitem"
              tabIndex={-1}
              className="item"
              onClick={run(() => commands.connect(gap, node.id))}
            >
              <Tile of={kindOf(node)} small />
              <span className="cut">{nameOf(node)}</span>
            </button>
          ))}
        </>
      )}
    </div>
  );
}

/** Arrows move; a letter goes to the next entry that begins with it. */
function move(event: React.KeyboardEvent<HTMLElement>) {
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=menuitem]")];
  const now = all.indexOf(document.activeElement as HTMLElement);
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -now, End: all.length - 1 - now }[event.key];
  if (step !== undefined) {
    event.preventDefault();
    all[(now + step + all.length) % all.length]?.focus();
  } else if (/^\p{L}$/u.test(event.key) && !event.ctrlKey && !event.metaKey) {
    const order = [...all.slice(now + 1), ...all.slice(0, now + 1)];
    const starts = (item: HTMLElement) => item.textContent?.toLowerCase().startsWith(event.key.toLowerCase());
    order.find(starts)?.focus();
  }
}
