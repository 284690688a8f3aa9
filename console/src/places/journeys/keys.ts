import words from "#words/journeys";
import type { KeyTable } from "../../keys";

/** The keys of an editor's list of journeys. */
export const editorKeys: KeyTable<"create" | "find" | "rows" | "edit" | "open"> = {
  title: words.keysTitle,
  rows: [
    { name: "create", keys: ["n"], does: words.keyNew },
    { name: "find", keys: ["/"], does: words.keyFind },
    { name: "rows", keys: ["ArrowDown", "ArrowUp"], does: words.keyRows },
    { name: "open", keys: ["Enter"], does: words.keyOpen },
    { name: "edit", keys: ["e"], does: words.keyEdit },
  ],
};

/** The keys of a viewer's list of journeys. */
export const viewerKeys: KeyTable<"find" | "rows" | "open"> = {
  title: words.keysTitle,
  rows: [
    { name: "find", keys: ["/"], does: words.keyFind },
    { name: "rows", keys: ["ArrowDown", "ArrowUp"], does: words.keyRows },
    { name: "open", keys: ["Enter"], does: words.keyOpen },
  ],
};

/** Moves the focus to the next or previous row of the list. It returns false where the key is not the list's. */
export function moveInRows(event: KeyboardEvent): boolean {
  const active = document.activeElement;
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const now = rows.findIndex((row) => row.closest("tr")?.contains(active));
  if (now < 0 && active !== document.body && active?.id !== "main") return false;
  const next = event.key === "ArrowDown" ? now + 1 : now < 0 ? rows.length - 1 : now - 1;
  rows[next]?.focus();
  return true;
}

/** The id of the journey whose row has the focus. */
export function rowInFocus(): string | undefined {
  return document.activeElement?.closest("tr")?.querySelector<HTMLElement>("[data-row]")?.dataset["row"];
}
