import { useEffect } from "react";
import type { Answer, Schemas } from "../../api";
import { compare } from "../../graph/diff";
import type { Editor } from "../../graph/editor";
import { bodyOf, workOf } from "../../graph/stored";
import { kept } from "../../kept";
import { draftOf, writeJson } from "../journeys/draft";

/** Names what is not saved of a draft, for the dialog of a session that ends meanwhile. */
export function useKept(editor: Editor, journey: Schemas["Journey"], draft: Answer<Schemas["Draft"]> | null) {
  const { state, live, work } = editor;
  const saved = state.kind === "clean" || state.kind === "saved";
  useEffect(() => {
    if (saved) return;
    kept.set({
      name: journey.name,
      changes: () => compare(draft ? workOf(draft.data) : live, work).length,
      savedAt: draft ? Date.parse(draft.data.updatedAt) : undefined,
      text: () => writeJson(draftOf({ ...journey, ...bodyOf(work) })),
    });
    return () => kept.set(null);
  }, [saved, journey, draft, live, work]);
}
