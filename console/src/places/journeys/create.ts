import { useRef, useState } from "react";
import words from "#words/create";
import type { Schemas } from "../../api";
import { same } from "../../json";
import { go } from "../../route";
import { type Example, emptyGraph } from "./examples";
import { createJourney } from "./post";

type Draft = Schemas["JourneyDraft"];

/** Creates a journey from an example, or an empty one, and goes to build it. */
export function useCreate() {
  const [busy, setBusy] = useState<string>();
  const [error, setError] = useState<unknown>();
  // The same key for a repeat after a failure, so that no second journey is made.
  const last = useRef<{ body: Draft; key: string }>(undefined);
  const create = async (example: Example | undefined, name = "") => {
    if (busy !== undefined) return;
    setBusy(example?.id ?? "empty");
    setError(undefined);
    try {
      const body = bodyOf(example, name.trim());
      const repeats = last.current !== undefined && same(last.current.body as never, body as never);
      if (!repeats || !last.current) last.current = { body, key: crypto.randomUUID() };
      const journey = await createJourney(body, last.current.key);
      go({ name: "graph", journey: journey.id, mode: "build" });
    } catch (problem) {
      setError(problem);
      setBusy(undefined);
    }
  };
  return { create, busy, error };
}

function bodyOf(example: Example | undefined, name: string): Draft {
  const body = example?.body ?? { definition: emptyGraph };
  return { ...body, name: name || example?.name || words.untitled } as unknown as Draft;
}
