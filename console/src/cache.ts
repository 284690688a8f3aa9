// What was read from the API. React Query keeps it, and reads it again when a page is shown again.
import { QueryClient } from "@tanstack/react-query";
import { type Json, same } from "./json";

/** The cache of all places. `send` repeats requests, so the queries do not. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      retry: false,
      staleTime: 5_000,
      refetchIntervalInBackground: false,
      networkMode: "always",
      // The default would copy parts of an answer, and an exact number is lost in a copy.
      structuralSharing: (before, next) => (same(before as Json, next as Json) ? before : next),
    },
    mutations: { retry: false, networkMode: "always" },
  },
});

/** Keys of the cache; a key is a prefix of all that belong to it. */
export const keys = {
  journeys: ["journeys"] as const,
  figures: ["figures"] as const,
  journey: (id: string) => ["journey", id] as const,
  draft: (id: string) => ["journey", id, "draft"] as const,
  analytics: (id: string) => ["journey", id, "analytics"] as const,
  versions: (id: string) => ["journey", id, "versions"] as const,
  version: (id: string, version: number) => ["journey", id, "versions", version] as const,
  history: (id: string) => ["journey", id, "history"] as const,
  people: (id: string) => ["journey", id, "people"] as const,
  customer: (id: string) => ["customer", id] as const,
  settings: ["settings"] as const,
  tenantSettings: ["tenant-settings"] as const,
  names: ["names"] as const,
};
