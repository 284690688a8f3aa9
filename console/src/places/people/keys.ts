import words from "#words/people";
import type { KeyTable } from "../../keys";

/** The keys of the place people. */
export const peopleKeys: KeyTable<"find" | "close"> = {
  title: words.title,
  rows: [
    { name: "find", keys: ["/"], does: words.findKey },
    { name: "close", keys: ["Escape"], does: words.closeKey },
  ],
};
