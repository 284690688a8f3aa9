import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, call, pathId, type Schemas } from "../../api";
import { keys } from "../../queries";

/** Which people are listed. */
export interface Filter {
  status: "active" | "failed";
  /** The step at which they are; with `result`, the step that they left so. "" for any. */
  step: string;
  result: string;
  version: number | null;
}

export type Entry = Schemas["EnrollmentSummary"];

/** Reads the filter of an address. */
export function readFilter(query: URLSearchParams): Filter {
  const version = Number(query.get("version") ?? "");
  const step = query.get("step") ?? "";
  return {
    status: query.get("status") === "failed" ? "failed" : "active",
    step,
    result: step === "" ? "" : (query.get("result") ?? ""),
    version: Number.isInteger(version) && version > 0 ? version : null,
  };
}

/** Writes a filter into an address. */
export function writeFilter({ status, step, result, version }: Filter): Record<string, string | undefined> {
  return { step, status: status === "failed" ? status : undefined, result, version: version?.toString() };
}

const pageSize = 100;
// The API filters by version nowhere but in actions, so a page may have no one of the version that is asked for.
const pagesAtOnce = 10;

interface Page {
  entries: Entry[];
  cursor: string | undefined;
  at: number;
}

async function readPage(id: string, filter: Filter, start: string | undefined, signal: AbortSignal): Promise<Page> {
  const { status, step, result, version } = filter;
  const entries: Entry[] = [];
  let cursor = start;
  for (let i = 0; i < pagesAtOnce; i++) {
    const query = { status, limit: pageSize, ...(step && { nodeId: step }), ...(result && { result }) };
    const { data } = await call(
      api.GET("/journeys/{id}/enrollments", {
        params: { path: { id }, query: { ...query, ...(cursor !== undefined && { cursor }) } },
        signal,
      }),
    );
    entries.push(...data.data.filter((entry) => version === null || entry.version === version));
    cursor = data.nextCursor;
    if (cursor === undefined || entries.length >= pageSize / 2) break;
  }
  return { entries, cursor, at: Date.now() };
}

/** The people of a filter, page by page, those who have been there longest first. */
export function usePeople(id: string, filter: Filter, enabled: boolean) {
  return useInfiniteQuery({
    queryKey: [...keys.people(id), "list", filter],
    queryFn: ({ pageParam, signal }) => readPage(id, filter, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.cursor,
    refetchOnWindowFocus: false,
    enabled,
    select: ({ pages }) => {
      const entries = new Map(pages.flatMap((page) => page.entries.map((entry) => [entry.customerId, entry] as const)));
      return {
        entries: [...entries.values()].sort((a, b) => a.since.localeCompare(b.since)),
        asOf: pages.at(-1)?.at ?? 0,
      };
    },
  });
}

/** How a customer is or was in a journey. It is read again while they are on the move. */
export function useEnrollment(id: string, customer: string) {
  return useQuery({
    queryKey: [...keys.people(id), "one", customer],
    queryFn: async ({ signal }) => (await call(readEnrollment(id, customer, signal))).data,
    refetchInterval: ({ state }) => (state.data?.status === "active" ? 3_000 : false),
  });
}

export function readEnrollment(id: string, customer: string, signal?: AbortSignal) {
  return api.GET("/journeys/{id}/enrollments/{customerId}", {
    params: { path: { id, customerId: pathId(customer) } },
    ...(signal && { signal }),
  });
}

/** The versions of a journey, newest first: the newest 100 are enough to choose from. */
export function useVersions(id: string, enabled = true) {
  return useQuery({
    queryKey: [...keys.versions(id), "first"],
    queryFn: async ({ signal }) =>
      (await call(api.GET("/journeys/{id}/versions", { params: { path: { id } }, signal }))).data.data,
    enabled,
  });
}

/** One version with its graph. A version never changes what it runs. */
export function useVersion(id: string, version: number | undefined) {
  return useQuery({
    queryKey: keys.version(id, version ?? 0),
    queryFn: async ({ signal }) => {
      const path = { id, version: version ?? 0 };
      return (await call(api.GET("/journeys/{id}/versions/{version}", { params: { path }, signal }))).data;
    },
    staleTime: 60_000,
    enabled: version !== undefined,
  });
}

/** How many are inside and failed, of a step and version or of all. Undefined where the figures do not tell. */
export function countsOf(figures: Schemas["Analytics"] | undefined, filter: Filter, current: number) {
  if (figures === undefined || filter.result !== "") return undefined;
  if (filter.step === "" && filter.version === null) return figures.enrollments;
  const counts = { active: 0, failed: 0 };
  for (const step of figures.steps) {
    if (filter.step !== "" && step.nodeId !== filter.step) continue;
    if (filter.version !== null && (step.version ?? current) !== filter.version) continue;
    counts.active += step.active;
    counts.failed += step.failed;
  }
  return counts;
}
