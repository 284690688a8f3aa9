import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { type Answer, api, call, type Schemas } from "../../api";
import { bodyOf, workOf } from "../../graph/stored";
import type { Work } from "../../graph/types";
import { Problem } from "../../problem";
import { keys, useDraft, useJourney } from "../../queries";
import { go } from "../../route";
import { readPersonas, requestOf } from "../graph/simulate/personas";
import { pool } from "../people/pool";
import { runsAlike } from "./alike";

export type Journey = Schemas["Journey"];
export type Draft = Answer<Schemas["Draft"]> | null;
type TestResult = Schemas["TestResult"];

/** What is to be launched, as it is stored: read anew when the page opens. */
export function useCandidate(id: string) {
  const journey = useJourney(id);
  const draft = useDraft(id);
  const [fresh, setFresh] = useState(false);
  const { refetch: readJourney } = journey;
  const { refetch: readDraft } = draft;
  useEffect(() => {
    let here = true;
    void Promise.all([readJourney(), readDraft()]).then(() => here && setFresh(true));
    return () => {
      here = false;
    };
  }, [readJourney, readDraft]);
  const again = useCallback(async () => {
    setFresh(false);
    await Promise.all([readJourney(), readDraft()]);
    setFresh(true);
  }, [readJourney, readDraft]);
  return { journey, draft, fresh, again };
}

/** The work that a launch makes live. */
export function workToLaunch(journey: Journey, draft: Draft): Work {
  return workOf(draft ? draft.data : journey);
}

/** The version that it will be: the present one, unless the draft runs otherwise. */
export function versionToLaunch(journey: Journey, draft: Draft): number {
  return draft && !runsAlike(workOf(journey), workOf(draft.data)) ? journey.version + 1 : journey.version;
}

/** What is wrong with the work, and the way of each persona. */
export interface Trial {
  faults: Schemas["Finding"][];
  warnings: Schemas["Finding"][];
  results: { name: string; result: TestResult | null }[];
}

/** Tries the work without anyone, for its faults, and with each persona that is kept with it. */
export function useTrial(id: string, work: Work | undefined) {
  return useQuery({
    queryKey: ["launch-trial", id, work],
    queryFn: ({ signal }) => tryOut(id, work as Work, signal),
    enabled: work !== undefined,
    staleTime: 60_000,
  });
}

async function tryOut(id: string, work: Work, signal: AbortSignal): Promise<Trial> {
  const test = (body: object) =>
    call(
      api.POST("/journeys/{id}/test", { params: { path: { id } }, body: body as Schemas["TestRequest"], signal }),
    ).then((answer) => answer.data);
  let found: TestResult;
  try {
    found = await test({ ...bodyOf(work) });
  } catch (error) {
    // A form that is not valid is refused with all its faults.
    if (error instanceof Problem && error.status === 400 && error.faults.length > 0) {
      return { faults: [...error.faults], warnings: [], results: [] };
    }
    throw error;
  }
  const now = new Date().toISOString();
  const results: Trial["results"] = [];
  await pool(readPersonas(work.definition), 4, signal, async ({ name, test: persona }) => {
    const result = await test(requestOf(work, persona, now)).catch(() => null);
    results.push({ name, result });
  });
  return { faults: found.faults, warnings: found.warnings, results };
}

const day = 86_400_000;

/** How many came in on each of the last 14 days. */
export function useDays(id: string, enabled: boolean) {
  return useQuery({
    queryKey: [...keys.analytics(id), "fortnight"],
    queryFn: async ({ signal }) => {
      const date = (ago: number) => new Date(Date.now() - ago * day).toISOString().slice(0, 10);
      const query = { from: date(13), to: date(0) };
      const { data } = await call(api.GET("/journeys/{id}/analytics", { params: { path: { id }, query }, signal }));
      return data.series ?? [];
    },
    enabled,
    staleTime: 300_000,
  });
}

/** How far a launch is. */
export type LaunchState =
  | { kind: "idle" }
  | { kind: "busy" }
  | { kind: "live-changed" } // someone changed the live version since the draft began
  | { kind: "stale" } // someone changed the draft or the journey since this page was read
  | { kind: "failed"; error: unknown };

/** Publishes the draft; over a live version that is newer than the draft only if it is the one that was shown. */
function publish(id: string, draft: Answer<Schemas["Draft"]>, over?: Answer<Journey>): Promise<Answer<Journey>> {
  return call(
    api.POST("/journeys/{id}/draft/publish", {
      params: { path: { id }, header: { "If-Match": draft.etag } },
      body: over === undefined ? {} : { basedOn: over.etag },
    }),
  );
}

function activate(id: string, journey: Answer<Journey>): Promise<Answer<Journey>> {
  const params = { path: { id }, header: { "If-Match": journey.etag } };
  return call(api.PUT("/journeys/{id}", { params, body: { status: "active" } }));
}

/**
 * Publishes the draft, then activates the journey. Each step can be repeated: after a lost answer or a break
 * between the two, the page that is opened again does the rest.
 */
export function useLaunch(id: string) {
  const cache = useQueryClient();
  const [state, setState] = useState<LaunchState>({ kind: "idle" });
  const launch = useCallback(
    async (journey: Answer<Journey>, draft: Draft, over = false) => {
      setState({ kind: "busy" });
      try {
        let now = draft ? await publish(id, draft, over ? journey : undefined) : journey;
        cache.setQueryData(keys.draft(id), null);
        cache.setQueryData(keys.journey(id), now);
        if (now.data.status !== "active") now = await activate(id, now);
        cache.setQueryData(keys.journey(id), now);
        void cache.invalidateQueries({ queryKey: keys.journeys });
        void cache.invalidateQueries({ queryKey: keys.figures });
        void cache.invalidateQueries({ queryKey: keys.analytics(id) });
        void cache.invalidateQueries({ queryKey: keys.versions(id) });
        go({ name: "graph", journey: id, mode: "live" });
      } catch (error) {
        const next = afterFailure(error);
        if (next.kind === "live-changed") await cache.refetchQueries({ queryKey: keys.journey(id), exact: true });
        setState(next);
      }
    },
    [cache, id],
  );
  return { state, launch, reset: useCallback(() => setState({ kind: "idle" }), []) };
}

function afterFailure(error: unknown): LaunchState {
  if (error instanceof Problem && error.code === "live-changed") return { kind: "live-changed" };
  if (error instanceof Problem && error.status === 412) return { kind: "stale" };
  return { kind: "failed", error };
}
