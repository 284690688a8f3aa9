import { useEffect, useState, useSyncExternalStore } from "react";
import type { Schemas } from "../api";
import { askBeforeLeaving } from "../kept";
import { session } from "../session";
import { copyPlace } from "./draft-copy";
import { DraftEditor } from "./draft-editor";
import { draftPort } from "./draft-port";
import type { Editor } from "./editor";
import { liveOf, storedOf } from "./stored";

interface Tagged<T> {
  data: T;
  etag: string;
}

// The editor of the journey that was opened last, whose history outlives a visit to another place, and
// editors of other journeys that still have something to save.
const editors = new Map<string, DraftEditor>();

askBeforeLeaving(() => [...editors.values()].some((editor) => editor.unsaved), true);

function editorOf(id: string, journey: Tagged<Schemas["Journey"]>, draft: Tagged<Schemas["Draft"]> | null) {
  const { tenant = "", sub = "" } = session.get() ?? {};
  const key = JSON.stringify([tenant, sub, id]);
  const known = editors.get(key);
  for (const [other, editor] of editors) {
    if (other !== key && (!editor.unsaved || editor.snapshot.state.kind === "deleted")) editors.delete(other);
  }
  if (known && known.snapshot.state.kind !== "deleted") return known;
  const stored = draft && storedOf(draft);
  const editor = new DraftEditor(id, liveOf(journey), stored, draftPort(id), copyPlace(tenant, sub, id));
  editors.set(key, editor);
  return editor;
}

/** Edits the draft of a journey. It saves by itself while the page is open. */
export function useEditor(
  journeyId: string,
  journey: Tagged<Schemas["Journey"]>,
  draft: Tagged<Schemas["Draft"]> | null,
): Editor {
  const [editor] = useState(() => editorOf(journeyId, journey, draft));
  useEffect(() => editor.heard(liveOf(journey), draft && storedOf(draft)), [editor, journey, draft]);
  useEffect(() => watchPage(editor), [editor]);
  return useSyncExternalStore(editor.subscribe, () => editor.snapshot);
}

function watchPage(editor: DraftEditor) {
  const flush = () => void editor.snapshot.flush().catch(() => {});
  const hide = () => document.visibilityState === "hidden" && flush();
  window.addEventListener("blur", flush);
  window.addEventListener("pagehide", flush);
  window.addEventListener("online", editor.wake);
  document.addEventListener("visibilitychange", hide);
  const stop = session.subscribe(editor.wake);
  return () => {
    stop();
    window.removeEventListener("blur", flush);
    window.removeEventListener("pagehide", flush);
    window.removeEventListener("online", editor.wake);
    document.removeEventListener("visibilitychange", hide);
    flush(); // another place, or another mode's page
  };
}
