// The keys of the console. One table says which keys there are, what they do and in
// which words the help lists them, so that the help cannot differ from what works.
import { useEffect, useRef } from "react";
import { type Store, store } from "./store";

/**
 * One row of a table of keys. A key is written as `KeyboardEvent.key` has it, with the
 * modifiers in front: "n", "/", "?", "F8", "ArrowDown", "Mod+z", "Mod+Shift+z". Mod is
 * Ctrl, and Command on a Mac. Several keys do the same.
 */
export interface KeyRow<Name extends string = string> {
  name: Name;
  keys: readonly string[];
  /** What it does, for the help. */
  does: string;
  /** Runs in fields, too: a key that no field takes for itself. */
  inFields?: boolean;
}

/** The keys of a part of the console. */
export interface KeyTable<Name extends string = string> {
  title: string;
  rows: readonly KeyRow<Name>[];
}

/** The tables of what is on the screen, in the order in which they came. The help lists them. */
export const keyTables: Store<readonly KeyTable[]> = store<readonly KeyTable[]>([]);

/** What a key runs. It returns false if it has nothing to do, so that the browser goes on with the key. */
export type KeyHandlers<Name extends string> = { [N in Name]?: (event: KeyboardEvent) => unknown };

/**
 * Lists a table in the help and runs its keys while the component is mounted: anywhere on the page but in
 * open menus and dialogs, and in fields those only that say so. A row without a handler is only listed; its component handles the key.
 */
export function useKeys<Name extends string>(table: KeyTable<Name>, handlers: KeyHandlers<Name>) {
  const latest = useRef(handlers);
  useEffect(() => {
    latest.current = handlers;
  });
  useEffect(() => {
    keyTables.set([...keyTables.get(), table]);
    const run = (event: KeyboardEvent) => {
      const row = table.rows.find(({ keys }) => keys.some((key) => matches(event, key)));
      if (event.defaultPrevented || (row?.inFields ? isCovered() : isBusy(event))) return;
      const handler = row && latest.current[row.name];
      if (handler && handler(event) !== false) event.preventDefault();
    };
    document.addEventListener("keydown", run);
    return () => {
      document.removeEventListener("keydown", run);
      keyTables.set(keyTables.get().filter((other) => other !== table));
    };
  }, [table]);
}

/** Whether an event is this key. */
export function matches(event: KeyboardEvent | React.KeyboardEvent, key: string): boolean {
  const parts = key.split(/\+(?=.)/);
  const name = parts.pop() ?? "";
  if ((event.ctrlKey || event.metaKey) !== parts.includes("Mod") || event.altKey !== parts.includes("Alt"))
    return false;
  if (event.key.toLowerCase() !== name.toLowerCase()) return false;
  // Where "?" or "/" is on the keyboard, and with which modifier, is the layout's business.
  return !/^[a-z]$|.{2}/i.test(name) || event.shiftKey === parts.includes("Shift");
}

/** Whether the key belongs to a field, a menu or a dialog. */
export function isBusy(event: KeyboardEvent | React.KeyboardEvent): boolean {
  const target = event.target instanceof HTMLElement ? event.target : null;
  return isField(target) || isCovered();
}

/** Whether a dialog or a menu is open. */
function isCovered(): boolean {
  return document.querySelector("dialog[open], [popover]:popover-open") !== null;
}

/** Whether an element takes text, so that a letter typed there is no command. */
export function isField(element: HTMLElement | null): boolean {
  if (element === null) return false;
  if (element.isContentEditable || element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement)
    return true;
  return element instanceof HTMLInputElement && !["button", "checkbox", "radio", "range"].includes(element.type);
}
