import { useQueries } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { api, call, type Schemas } from "../../../api";
import type { Work } from "../../../graph/types";
import type { Result } from "./coverage";
import { type Persona, requestOf } from "./personas";

/** How a persona fared. */
export interface Run {
  /** The newest answer; while another is on its way, the one before. */
  result: Result | undefined;
  error: unknown;
  busy: boolean;
  retry: () => void;
}

const pause = 350;

/** Simulates each persona on the graph as it is now. What was asked before is not asked again. */
export function useRuns(journeyId: string, work: Work, personas: readonly Persona[]): Map<string, Run> {
  // A persona without a start enters now; the same "now" for all, so that an answer can be kept.
  const [now] = useState(() => `${new Date().toISOString().slice(0, 16)}:00Z`);
  const wanted = useMemo(
    () => personas.map(({ id, test }) => [id, JSON.stringify(requestOf(work, test, now))] as const),
    [work, personas, now],
  );
  const settled = useSettled(wanted);
  const answers = useQueries({
    queries: settled.map(([, body]) => ({
      queryKey: ["test", journeyId, body] as const,
      queryFn: ({ signal }: { signal: AbortSignal }) => simulate(journeyId, body, signal),
      staleTime: Number.POSITIVE_INFINITY,
    })),
  });
  const before = useRef(new Map<string, Result>());
  const runs = new Map<string, Run>();
  settled.forEach(([id, body], i) => {
    const answer = answers[i];
    if (answer?.data) before.current.set(id, answer.data);
    const latest = wanted.find(([other]) => other === id)?.[1];
    runs.set(id, {
      result: answer?.error ? undefined : before.current.get(id),
      error: answer?.error ?? undefined,
      busy: answer?.isFetching === true || latest !== body,
      retry: () => void answer?.refetch(),
    });
  });
  return useStable(runs);
}

async function simulate(id: string, body: string, signal: AbortSignal): Promise<Result> {
  const request = api.POST("/journeys/{id}/test", {
    params: { path: { id } },
    // The text was made from a definition whose exact numbers the types do not know.
    body: body as unknown as Schemas["TestRequest"],
    bodySerializer: (text: unknown) => String(text),
    headers: { "Content-Type": "application/json" },
    signal,
  });
  return (await call(request)).data;
}

type Wanted = readonly (readonly [id: string, body: string])[];

/** The value once it has not changed for a moment; the first one and a new persona at once. */
function useSettled(wanted: Wanted): Wanted {
  const [settled, setSettled] = useState(wanted);
  const known = settled.length === wanted.length && wanted.every(([id], i) => settled[i]?.[0] === id);
  if (!known) setSettled(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(wanted), pause);
    return () => clearTimeout(timer);
  }, [wanted]);
  return known ? settled : wanted;
}

/** The same map as long as its runs are the same, so that what hangs on it need not be drawn again. */
function useStable(runs: Map<string, Run>): Map<string, Run> {
  const last = useRef(runs);
  const same =
    last.current.size === runs.size &&
    [...runs].every(([id, run]) => {
      const old = last.current.get(id);
      return old && old.result === run.result && old.error === run.error && old.busy === run.busy;
    });
  if (!same) last.current = runs;
  return last.current;
}
