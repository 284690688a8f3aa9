import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, call, type Schemas } from "../../../api";
import { readGraph, type Work } from "../../../graph/types";
import { keys } from "../../../queries";

export type Version = Schemas["VersionSummary"];
export type Entry = Schemas["HistoryEntry"];

const pageSize = 50;

/** The versions of a journey, newest first, page by page. They are read again when the journey changes. */
export function useVersions(id: string, updatedAt: string) {
  return useInfiniteQuery({
    queryKey: [...keys.versions(id), "list", updatedAt],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: pageSize, ...(pageParam !== undefined && { cursor: pageParam }) };
      return (await call(api.GET("/journeys/{id}/versions", { params: { path: { id }, query }, signal }))).data;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: (before) => before,
  });
}

/** Who changed the journey, newest first, page by page. */
export function useHistory(id: string, updatedAt: string) {
  return useInfiniteQuery({
    queryKey: [...keys.history(id), updatedAt],
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: 20, ...(pageParam !== undefined && { cursor: pageParam }) };
      return (await call(api.GET("/journeys/{id}/history", { params: { path: { id }, query }, signal }))).data;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: (before) => before,
  });
}

/** What a version says. Only the appearance of the present one can change. */
export function useWork(id: string, version: number | null, updatedAt: string) {
  return useQuery({
    queryKey: [...keys.version(id, version ?? 0), updatedAt],
    queryFn: async ({ signal }) => {
      const params = { path: { id, version: version ?? 0 } };
      return workOf((await call(api.GET("/journeys/{id}/versions/{version}", { params, signal }))).data);
    },
    enabled: version !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

function workOf({ definition, timezone, exitOn, exitWhen, goal }: Schemas["Version"]): Work {
  return { definition: readGraph(definition), timezone, exitOn, exitWhen, goal } as unknown as Work;
}
