// Reads the list of journeys: what they are from one call (editors), their figures from another.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, call, type Schemas } from "../../api";
import { keys, queries } from "../../cache";
import type { Status } from "../../ui/status";

export type Sort = "name" | "-name" | "updated" | "-updated" | "created" | "-created";
export type Summary = Schemas["JourneySummary"];
export type Figures = Schemas["AnalyticsSummary"];

/** What is shown of the list. */
export interface Filter {
  q: string;
  status: Status | undefined;
  sort: Sort;
  /** Only journeys with failed people. */
  failed: boolean;
}

/** One journey of the list. A viewer gets no summary, and a new journey has no figures yet. */
export interface Row {
  id: string;
  name: string;
  status: Status;
  summary: Summary | undefined;
  figures: Figures | undefined;
}

/** What is read only where the list is searched or counted. */
const look = () => import("./look");

export const pageSize = 50;
const fewestSeconds = 10;
const mostSeconds = 60;

export interface FiguresPage {
  data: Figures[];
  nextCursor: string | undefined;
  etag: string;
  /** How many answers in a row brought nothing new. */
  quiet: number;
}

export interface SummaryPage {
  data: Summary[];
  total: number;
}

/** The list and how to move in it. */
export interface List {
  rows: Row[] | undefined;
  /** Journeys that match; undefined where the API does not count them. */
  total: number | undefined;
  /** All that match are in `rows`. */
  whole: boolean;
  /** Whether that is not known yet. */
  isReading: boolean;
  error: unknown;
  /** The rows stand, but their figures could not be read. */
  figuresError: unknown;
  retry: () => void;
  /** The rows are those of an earlier filter. */
  isOld: boolean;
  from: number;
  next: (() => void) | undefined;
  previous: (() => void) | undefined;
}

/** Reads a page of the list, and its figures again and again while the page is visible. */
export function useList(filter: Filter, isEditor: boolean): List {
  const [at, move] = useCursors(JSON.stringify(filter));
  const cursor = at.at(-1);
  const figures = useQuery({
    queryKey: [...keys.figures, filter, cursor],
    queryFn: ({ signal, queryKey }) => {
      const before = queries.getQueryData<FiguresPage>(queryKey);
      return filter.failed
        ? look().then(({ lookForFailed }) => lookForFailed(filter, cursor, signal))
        : readFigures(filter, cursor, before, signal);
    },
    placeholderData: (before) => before,
    refetchInterval: ({ state }) =>
      1000 * (filter.failed ? mostSeconds : Math.min(mostSeconds, fewestSeconds * 2 ** (state.data?.quiet ?? 0))),
  });
  const offset = at.length * pageSize;
  const ids = filter.failed ? figures.data?.data.map(({ id }) => id) : undefined;
  const summaries = useQuery({
    queryKey: [...keys.journeys, filter, filter.failed ? ids : offset],
    queryFn: ({ signal }) =>
      ids
        ? look().then(({ findSummaries }) => findSummaries(filter, ids, signal))
        : readSummaries(filter, offset, signal),
    placeholderData: (before) => before,
    enabled: isEditor && (!filter.failed || ids !== undefined),
  });
  useListAgain(isEditor && !filter.failed, figures, summaries);

  const main = isEditor ? summaries : figures;
  const rows = joinRows(isEditor ? summaries.data?.data : undefined, figures.data?.data);
  const ready = isEditor
    ? summaries.data !== undefined && (!filter.failed || figures.data !== undefined)
    : figures.data;
  const nextCursor = figures.data?.nextCursor;
  return {
    rows: ready ? rows : undefined,
    total: isEditor && !filter.failed ? summaries.data?.total : undefined,
    whole: at.length === 0 && figures.data !== undefined && nextCursor === undefined,
    isReading: figures.isPending,
    error: ready ? null : (main.error ?? (filter.failed ? figures.error : null)),
    figuresError: isEditor && !filter.failed ? figures.error : null,
    retry: () => {
      void figures.refetch();
      if (isEditor) void summaries.refetch();
    },
    isOld: main.isPlaceholderData,
    from: offset,
    next: nextCursor === undefined ? undefined : () => move([...at, nextCursor]),
    previous: at.length === 0 ? undefined : () => move(at.slice(0, -1)),
  };
}

/** The cursors that led to the present page: none for the first. Another filter begins anew. */
function useCursors(filter: string) {
  const [state, setState] = useState<{ filter: string; at: string[] }>({ filter, at: [] });
  const at = state.filter === filter ? state.at : [];
  return [at, (next: string[]) => setState({ filter, at: next })] as const;
}

interface Read<T> {
  data: T | undefined;
  dataUpdatedAt: number;
  isPlaceholderData: boolean;
}

/** Reads the summaries again when newer figures say that a journey came, went, or is another's. */
function useListAgain(enabled: boolean, figures: Read<FiguresPage>, summaries: Read<SummaryPage>) {
  const { data: newer, dataUpdatedAt } = figures;
  const { data: older, dataUpdatedAt: before } = summaries;
  const isReady =
    enabled && !figures.isPlaceholderData && !summaries.isPlaceholderData && dataUpdatedAt > before + 5000;
  useEffect(() => {
    if (!isReady || !newer || !older) return;
    const known = new Map(older.data.map((journey) => [journey.id, journey]));
    const same = ({ id, name, status }: Figures) => known.get(id)?.name === name && known.get(id)?.status === status;
    if (newer.data.length === older.data.length && newer.data.every(same)) return;
    void queries.invalidateQueries({ queryKey: keys.journeys });
  }, [isReady, newer, older]);
}

function joinRows(summaries: Summary[] | undefined, figures: Figures[] = []): Row[] {
  if (!summaries)
    return figures.map((f) => ({ id: f.id, name: f.name, status: f.status, summary: undefined, figures: f }));
  const known = new Map(figures.map((f) => [f.id, f]));
  return summaries.map((s) => ({ id: s.id, name: s.name, status: s.status, summary: s, figures: known.get(s.id) }));
}

/** The parameters of both calls. */
export function queryOf({ q, status, sort }: Filter) {
  return { sort, ...(q === "" ? {} : { q }), ...(status === undefined ? {} : { status }) };
}

async function readFigures(
  filter: Filter,
  cursor: string | undefined,
  before: FiguresPage | undefined,
  signal: AbortSignal,
): Promise<FiguresPage> {
  const query = { ...queryOf(filter), limit: pageSize, ...(cursor === undefined ? {} : { cursor }) };
  const header = before ? { "If-None-Match": before.etag } : {};
  const { data, etag, status } = await call(api.GET("/analytics", { params: { query, header }, signal }));
  if (status === 304 && before) return { ...before, quiet: before.quiet + 1 };
  return { data: data.data, nextCursor: data.nextCursor, etag, quiet: 0 };
}

async function readSummaries(filter: Filter, offset: number, signal: AbortSignal): Promise<SummaryPage> {
  const query = { ...queryOf(filter), limit: pageSize, offset };
  const { data } = await call(api.GET("/journeys", { params: { query }, signal }));
  return { data: data.data, total: data.pagination.total };
}

export const statuses: readonly Status[] = ["active", "paused", "draft", "archived"];

/** How many journeys there are of each status. */
export type Counts = Record<Status, number>;

/**
 * How many journeys of each status there are under a name: counted in the rows if these are all, otherwise by the
 * API, which counts for editors only.
 */
export function useCounts(filter: Filter, list: List, isEditor: boolean): Counts | undefined {
  const key = [...keys.journeys, "counts", filter.q];
  const all = list.whole && !list.isOld && filter.status === undefined && !filter.failed ? list.rows : undefined;
  const { data } = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => look().then(({ readCounts }) => readCounts(filter.q, signal)),
    enabled: isEditor && all === undefined && list.rows !== undefined && !list.isReading,
    staleTime: 30_000,
  });
  if (all === undefined) return data;
  return Object.fromEntries(statuses.map((s) => [s, all.filter(({ status }) => status === s).length])) as Counts;
}
