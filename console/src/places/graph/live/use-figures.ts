import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, call } from "../../../api";
import { keys, queries } from "../../../queries";
import { useRoute } from "../../../route";
import { type Analytics, pauseAfter, rangeOf } from "./figures";

/** The ranges of the days that can be shown. */
export const ranges = [7, 14, 30, 90] as const;

/** Figures as they were read. */
interface Reading {
  data: Analytics;
  etag: string;
  /** The last day of the series. A tag is one of a range. */
  to: string;
  /** How many readings in a row found the same. */
  quiet: number;
}

/** How many days are shown: a part of the address. */
export function useDays(): number {
  const days = Number(useRoute().query.get("days"));
  return ranges.find((range) => range === days) ?? 14;
}

/** The figures of a journey with its days, read again while the page is visible. Figures that cannot be renewed stay. */
export function useFigures(id: string) {
  const days = useDays();
  const key = [...keys.analytics(id), days];
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => read(id, days, queries.getQueryData<Reading>(key), signal),
    refetchInterval: ({ state }) => pauseAfter(state.data?.quiet ?? 0),
    placeholderData: keepPreviousData,
  });
  const { data: reading, error, refetch } = query;
  return { figures: reading?.data, pause: pauseAfter(reading?.quiet ?? 0), error, again: () => void refetch() };
}

async function read(id: string, days: number, known: Reading | undefined, signal: AbortSignal): Promise<Reading> {
  const query = rangeOf(days, Date.now());
  const tag = known?.to === query.to ? known.etag : undefined;
  const header = tag === undefined ? {} : { "If-None-Match": tag };
  const answer = await call(api.GET("/journeys/{id}/analytics", { params: { path: { id }, query, header }, signal }));
  if (answer.status === 304 && known) return { ...known, quiet: known.quiet + 1 };
  return { data: answer.data, etag: answer.etag, to: query.to, quiet: 0 };
}
