import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { api, call, pathId } from "../../api";
import { askBeforeLeaving } from "../../kept";
import { hasStatus } from "../../problem";
import { keys } from "../../queries";
import { type Action, begin, type OneAnswer, type Progress, refine, runEach, runPages, type Verdict } from "./bulk";
import { type Entry, type Filter, readEnrollment } from "./use-people";

/** Who an action is for: all who match, or those who were chosen. */
export type Target = { all: true; total: number; shown: readonly Entry[] } | { all: false; entries: readonly Entry[] };

async function actOnOne(id: string, action: Action, customer: string): Promise<OneAnswer> {
  const params = { path: { id, customerId: pathId(customer) } };
  try {
    if (action === "retry") await call(api.POST("/journeys/{id}/enrollments/{customerId}/retry", { params }));
    else await call(api.DELETE("/journeys/{id}/enrollments/{customerId}", { params }));
    return { verdict: action === "retry" ? "trying" : "out" };
  } catch (error) {
    if (hasStatus(error, 404, 409)) return { verdict: "skipped", code: error.code };
    if (hasStatus(error, 400, 500)) return { verdict: "error", code: error.code };
    throw error;
  }
}

function actOnPage(id: string, action: Action, filter: Filter, cursor: string | undefined) {
  const { status, step, version } = filter;
  const where = { ...(step && { nodeId: step }), ...(version !== null && { version }) };
  const at = cursor === undefined ? {} : { cursor };
  const body =
    action === "retry"
      ? { action, where: { status: "failed" as const, ...where }, ...at }
      : { action, where: { status, ...where }, ...at };
  return call(api.POST("/journeys/{id}/enrollments/actions", { params: { path: { id } }, body })).then((a) => a.data);
}

/** Where someone is who was retried. A retry ends the failure at once, so that a failure now is another one. */
async function look(id: string, before: Entry): Promise<Verdict> {
  const { data } = await call(readEnrollment(id, before.customerId));
  if (data.status === "failed") return "again";
  return data.status === "active" && data.nodeId === before.nodeId ? "trying" : "went";
}

const looks = 8;
const lookAgain = 1_500;

/** An action on people, which goes on while other people are looked at. */
export type Bulk = ReturnType<typeof useBulk>;

/** Retries or takes out people, with progress. */
export function useBulk(id: string) {
  const cache = useQueryClient();
  const [progress, setProgress] = useState<Progress | null>(null);
  const stopper = useRef(new AbortController());
  const now = useRef<Progress | null>(null);
  useEffect(() => () => stopper.current.abort(), []);
  const busy = progress?.state === "running" || progress?.state === "stopping";
  useEffect(() => (busy ? askBeforeLeaving(() => true) : undefined), [busy]);

  const report = useCallback((change: (before: Progress) => Progress) => {
    if (now.current === null) return;
    now.current = change(now.current);
    setProgress(now.current);
  }, []);

  /** Watches those who were retried for some seconds: the engine takes them up by itself. */
  const watch = useCallback(
    async (entries: readonly Entry[], signal: AbortSignal) => {
      let left = entries;
      for (let i = 0; i < looks && left.length > 0 && !signal.aborted; i++) {
        if (i > 0) await new Promise((resolve) => setTimeout(resolve, lookAgain));
        const still: Entry[] = [];
        await Promise.all(
          left.map(async (entry) => {
            const verdict = await look(id, entry).catch(() => "trying" as const);
            if (verdict === "trying") still.push(entry);
            report((before) => refine(before, entry.customerId, verdict));
          }),
        );
        left = still;
      }
    },
    [id, report],
  );

  const start = useCallback(
    async (action: Action, target: Target, filter: Filter) => {
      const stop = new AbortController();
      stopper.current.abort();
      stopper.current = stop;
      const entries = target.all ? target.shown : target.entries;
      const ids = entries.map((entry) => entry.customerId);
      now.current = begin(action, target.all ? target.total : ids.length, ids);
      setProgress(now.current);
      if (target.all) await runPages((cursor) => actOnPage(id, action, filter, cursor), report, stop.signal);
      else await runEach(ids, (customer) => actOnOne(id, action, customer), report, stop.signal);
      void cache.invalidateQueries({ queryKey: keys.analytics(id) });
      void cache.invalidateQueries({ queryKey: [...keys.people(id), "one"] });
      const { verdicts, state } = now.current ?? { verdicts: new Map<string, Verdict>(), state: "done" };
      const settle = target.all && state !== "failed";
      const done = entries.filter(({ customerId }) => {
        const verdict = verdicts.get(customerId);
        return verdict === "trying" || (settle && verdict === "todo");
      });
      if (action === "retry") await watch(done.slice(0, 60), stop.signal);
      else if (settle && state === "done") {
        for (const { customerId } of done) report((before) => refine(before, customerId, "out"));
      }
      void cache.invalidateQueries({ queryKey: [...keys.people(id), "one"] });
    },
    [cache, id, report, watch],
  );

  const stop = useCallback(() => {
    stopper.current.abort();
    report((before) => (before.state === "running" ? { ...before, state: "stopping" } : before));
  }, [report]);

  const close = useCallback(() => {
    stopper.current.abort();
    now.current = null;
    setProgress(null);
    void cache.invalidateQueries({ queryKey: keys.people(id) });
    void cache.invalidateQueries({ queryKey: keys.analytics(id) });
  }, [cache, id]);

  return { progress, start, stop, close };
}
