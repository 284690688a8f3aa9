// What several places read.
import { useQuery } from "@tanstack/react-query";
import { type Answer, api, call } from "./api";
import { keys, queries } from "./cache";
import { Problem } from "./problem";

export { keys, queries } from "./cache";

/** Reads again only if the tag has changed. */
async function readAgain<T>(
  key: readonly unknown[],
  read: (header: { "If-None-Match"?: string }) => Promise<Answer<T>>,
): Promise<Answer<T>> {
  const known = queries.getQueryData<Answer<T>>(key);
  const answer = await read(known ? { "If-None-Match": known.etag } : {});
  return answer.status === 304 && known ? known : answer;
}

/** A journey and its tag. Editors only: a viewer gets 403. With an interval, it is read again while the page is visible. */
export function useJourney(id: string, enabled = true, interval: number | false = false) {
  return useQuery({
    queryKey: keys.journey(id),
    queryFn: ({ signal }) =>
      readAgain(keys.journey(id), (header) =>
        call(api.GET("/journeys/{id}", { params: { path: { id }, header }, signal })),
      ),
    enabled,
    refetchInterval: interval,
  });
}

/** The draft of a journey and its tag; null if there is none. */
export function useDraft(id: string, enabled = true, interval: number | false = false) {
  return useQuery({
    queryKey: keys.draft(id),
    queryFn: async ({ signal }) => {
      try {
        return await readAgain(keys.draft(id), (header) =>
          call(api.GET("/journeys/{id}/draft", { params: { path: { id }, header }, signal })),
        );
      } catch (error) {
        if (error instanceof Problem && error.code === "no-draft") return null;
        throw error;
      }
    },
    enabled,
    refetchInterval: interval,
  });
}

/** The figures of a journey. */
export function useAnalytics(id: string, interval: number | false = false) {
  return useQuery({
    queryKey: keys.analytics(id),
    queryFn: ({ signal }) => call(api.GET("/journeys/{id}/analytics", { params: { path: { id } }, signal })),
    refetchInterval: interval,
  });
}

/** What the installation offers. It hardly changes while a page is open. */
export function useSettings() {
  return useQuery({
    queryKey: keys.settings,
    queryFn: async ({ signal }) => (await call(api.GET("/settings", { signal }))).data,
    staleTime: 300_000,
  });
}

/** The names that the tenant's events and attributes had. Editors only. */
export function useNames(enabled = true) {
  return useQuery({
    queryKey: keys.names,
    queryFn: async ({ signal }) => (await call(api.GET("/names", { signal }))).data,
    staleTime: 60_000,
    enabled,
  });
}
