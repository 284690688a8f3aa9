import words from "#words/graphKeys";
import type { KeyTable } from "../../keys";

/** The keys of every mode. The canvas handles those of the graph itself. */
export const graphKeys: KeyTable<"along" | "across" | "open" | "fit" | "outline" | "mode"> = {
  title: words.graph,
  rows: [
    { name: "along", keys: ["ArrowDown", "ArrowUp"], does: words.along },
    { name: "across", keys: ["ArrowLeft", "ArrowRight"], does: words.across },
    { name: "open", keys: ["Enter"], does: words.open },
    { name: "fit", keys: ["f"], does: words.fit },
    { name: "outline", keys: ["o"], does: words.outline },
    { name: "mode", keys: ["m"], does: words.mode },
  ],
};

type BuildKey = "add" | "remove" | "copy" | "cut" | "paste" | "undo" | "redo" | "find" | "fault" | "close";

/** The keys of the mode build. */
export const buildKeys: KeyTable<BuildKey> = {
  title: words.build,
  rows: [
    { name: "add", keys: ["a"], does: words.add },
    { name: "remove", keys: ["d", "Delete"], does: words.remove },
    { name: "copy", keys: ["c", "Mod+c"], does: words.copy },
    { name: "cut", keys: ["x", "Mod+x"], does: words.cut },
    { name: "paste", keys: ["v", "Mod+v"], does: words.paste },
    { name: "undo", keys: ["Mod+z"], does: words.undo },
    { name: "redo", keys: ["Mod+Shift+z", "Mod+y"], does: words.redo },
    { name: "find", keys: ["/"], does: words.find },
    { name: "fault", keys: ["F8"], does: words.fault, inFields: true },
    { name: "close", keys: ["Escape"], does: words.close, inFields: true },
  ],
};
