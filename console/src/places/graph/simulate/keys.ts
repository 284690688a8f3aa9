import words from "#words/simulate";
import type { KeyTable } from "../../../keys";

const { keys } = words;

/** The keys of the mode simulate. Those of the time work while the focus is on it, those of the list in the list. */
export const simulateKeys: KeyTable<"create" | "step" | "day" | "ends" | "play" | "edit" | "remove" | "undo" | "redo"> =
  {
    title: keys.title,
    rows: [
      { name: "create", keys: ["n"], does: keys.create },
      { name: "step", keys: ["ArrowLeft", "ArrowRight"], does: keys.step },
      { name: "day", keys: ["PageUp", "PageDown"], does: keys.day },
      { name: "ends", keys: ["Home", "End"], does: keys.ends },
      { name: "play", keys: [" "], does: keys.play },
      { name: "edit", keys: ["Enter"], does: keys.edit },
      { name: "remove", keys: ["Delete"], does: keys.remove },
      { name: "undo", keys: ["Mod+z"], does: keys.undo },
      { name: "redo", keys: ["Mod+Shift+z", "Mod+y"], does: keys.redo },
    ],
  };
