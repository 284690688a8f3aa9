// What the list reads beyond its pages.
import { api, call } from "../../api";
import {
  type Counts,
  type Figures,
  type FiguresPage,
  type Filter,
  pageSize,
  queryOf,
  type Summary,
  type SummaryPage,
  statuses,
} from "./list";

/** Pages that one look reads. */
const longestLook = 10;

/** Reads on until there is a page of journeys with failed people, the list ends, or it took long. */
export async function lookForFailed(
  filter: Filter,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<FiguresPage> {
  const found: Figures[] = [];
  let next = cursor;
  for (let page = 0; page < longestLook && found.length < pageSize; page++) {
    const query = { ...queryOf(filter), limit: 100, ...(next === undefined ? {} : { cursor: next }) };
    const { data } = await call(api.GET("/analytics", { params: { query }, signal }));
    found.push(...data.data.filter(({ enrollments }) => (enrollments?.failed ?? 0) > 0));
    next = data.nextCursor;
    if (next === undefined) break;
  }
  return { data: found, nextCursor: next, etag: "", quiet: 0 };
}

/** Finds the summaries of these journeys. */
export async function findSummaries(filter: Filter, ids: string[], signal: AbortSignal): Promise<SummaryPage> {
  const wanted = new Set(ids);
  const found: Summary[] = [];
  for (let offset = 0; found.length < wanted.size; offset += 200) {
    const query = { ...queryOf(filter), limit: 200, offset };
    const { data } = await call(api.GET("/journeys", { params: { query }, signal }));
    found.push(...data.data.filter(({ id }) => wanted.has(id)));
    if (!data.pagination.hasMore) break;
  }
  return { data: found, total: found.length };
}

/** Counts the journeys of each status. */
export async function readCounts(q: string, signal: AbortSignal): Promise<Counts> {
  const totals = await Promise.all(
    statuses.map(async (status) => {
      const query = { limit: 1, status, ...(q === "" ? {} : { q }) };
      return [status, (await call(api.GET("/journeys", { params: { query }, signal }))).data.pagination.total];
    }),
  );
  return Object.fromEntries(totals) as Counts;
}
