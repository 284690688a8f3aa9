import { useMemo, useSyncExternalStore } from "react";

/** The four modes of a journey's graph. */
export const modes = ["build", "simulate", "live", "versions"] as const;
export type Mode = (typeof modes)[number];

/** A place in the console. All of them are in the fragment, which never reaches the server. */
export type Place =
  | { name: "journeys" }
  | { name: "graph"; journey: string; mode: Mode }
  | { name: "launch"; journey: string }
  | { name: "people"; journey: string; customer?: string }
  | { name: "customers" }
  | { name: "customer"; customer: string }
  | { name: "settings" }
  | { name: "unknown" };

/** A place with the parameters of its address. */
export interface Route {
  place: Place;
  query: URLSearchParams;
}

/** Reads the fragment of an address. */
export function readRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?", 2);
  return { place: readPlace(segments(path)), query: new URLSearchParams(search) };
}

function segments(path: string): string[] {
  try {
    return path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return ["?"]; // a lone % sign: an unknown place
  }
}

function readPlace(path: string[]): Place {
  const [root, id, part, customer] = path;
  if (root === undefined || (root === "journeys" && id === undefined)) return { name: "journeys" };
  if (root === "settings") return { name: "settings" };
  if (root === "customers") return id === undefined ? { name: "customers" } : { name: "customer", customer: id };
  if (root !== "journeys" || id === undefined) return { name: "unknown" };
  if (part === "launch") return { name: "launch", journey: id };
  if (part === "people") return { name: "people", journey: id, ...(customer === undefined ? {} : { customer }) };
  const mode = modes.find((m) => m === (part ?? "live"));
  return mode === undefined ? { name: "unknown" } : { name: "graph", journey: id, mode };
}

/** Returns the address of a place, for `href`. Parameters that are undefined or empty are left out. */
export function href(place: Place, query: Record<string, string | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) search.set(key, value);
  const tail = search.size > 0 ? `?${search}` : "";
  return `#/${writePlace(place).map(encodeURIComponent).join("/")}${tail}`;
}

function writePlace(place: Place): string[] {
  switch (place.name) {
    case "graph":
      return ["journeys", place.journey, place.mode];
    case "launch":
      return ["journeys", place.journey, "launch"];
    case "people":
      return ["journeys", place.journey, "people", ...(place.customer === undefined ? [] : [place.customer])];
    case "customer":
      return ["customers", place.customer];
    case "customers":
    case "settings":
      return [place.name];
    default:
      return [];
  }
}

/** Goes to a place. */
export function go(place: Place, query?: Record<string, string | undefined>) {
  location.hash = href(place, query);
}

/** Changes the parameters of the present place, without a step in the browser's history. */
export function replaceQuery(change: Record<string, string | undefined>) {
  const { place, query } = readRoute(location.hash);
  const next = { ...Object.fromEntries(query), ...change };
  history.replaceState(null, "", href(place, next));
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

function subscribe(onChange: () => void) {
  window.addEventListener("hashchange", onChange);
  return () => window.removeEventListener("hashchange", onChange);
}

/** The present place. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return useMemo(() => readRoute(hash), [hash]);
}
