import { useCallback, useEffect, useRef } from "react";
import { nodeOf } from "../../../graph/edit";
import type { Editor } from "../../../graph/editor";
import { matches, useKeys } from "../../../keys";
import { buildKeys } from "../keys";
import { findField } from "./find-step";
import type { Commands } from "./use-commands";

interface BuildKeys {
  editor: Editor;
  commands: Commands;
  selected: string | null;
  readOnly: boolean;
  insertAfter: (id: string | null) => void;
  chooseNext: () => void;
  close: () => void;
}

/** Runs the keys of the mode. Those that mean a step mean the focused one, else the chosen one. Returns what the canvas calls. */
export function useBuildKeys(keys: BuildKeys): (event: React.KeyboardEvent, id: string) => void {
  const { editor, commands, selected, readOnly, insertAfter, chooseNext, close } = keys;
  const chosen = nodeOf(editor.work.definition, selected)?.id ?? null;
  const onChosen = (run: (id: string) => void) => () => (readOnly || chosen === null ? false : run(chosen));
  useKeys(buildKeys, {
    add: () => (readOnly ? false : insertAfter(chosen)),
    remove: onChosen(commands.remove),
    copy: (event) => (chosen === null || isText(event) ? false : commands.copy(chosen)),
    cut: (event) => (isText(event) ? false : onChosen(commands.cut)()),
    // The event "paste" of Ctrl V has what the system holds; the letter alone has none.
    paste: (event) => (readOnly || event.ctrlKey || event.metaKey ? false : void commands.paste(chosen)),
    undo: () => (readOnly ? false : editor.undo()),
    redo: () => (readOnly ? false : editor.redo()),
    find: () => document.getElementById(findField)?.focus(),
    fault: chooseNext,
    close,
  });
  usePaste(readOnly, (data) => void commands.paste(chosen, undefined, data));
  return useCallback(
    (event, id) => {
      const run = { a: insertAfter, d: commands.remove, c: commands.copy, x: commands.cut, v: commands.paste };
      const name = event.key === "Delete" ? "d" : event.key.toLowerCase();
      const command = Object.entries(run).find(([key]) => key === name && matches(event, event.key))?.[1];
      if (command === undefined || (readOnly && name !== "c")) return;
      event.preventDefault();
      void command(id);
    },
    [commands, readOnly, insertAfter],
  );
}

/** Whether Ctrl C or Ctrl X means a marked text. */
function isText(event: KeyboardEvent): boolean {
  return (event.ctrlKey || event.metaKey) && (getSelection()?.toString() ?? "") !== "";
}

function usePaste(readOnly: boolean, paste: (data: DataTransfer | null) => void) {
  const latest = useRef(paste);
  useEffect(() => {
    latest.current = paste;
  });
  useEffect(() => {
    if (readOnly) return;
    const run = (event: ClipboardEvent) => {
      const target = event.target instanceof HTMLElement ? event.target : null;
      if (target?.matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
      latest.current(event.clipboardData);
    };
    document.addEventListener("paste", run);
    return () => document.removeEventListener("paste", run);
  }, [readOnly]);
}
