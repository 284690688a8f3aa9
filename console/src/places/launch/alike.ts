import type { Graph, Work } from "../../graph/types";
import { isObject, type Json, type JsonObject, same } from "../../json";

/** Whether two works run alike: then publishing one over the other makes no new version. */
export function runsAlike(a: Work, b: Work): boolean {
  return same(whatRuns(a), whatRuns(b));
}

/** What counts for a version: nodes by id, type and config, edges, and the pinned settings. */
function whatRuns({ definition, timezone, exitOn, exitWhen, goal }: Work): Json {
  return { ...graphParts(definition), timezone, exitOn, exitWhen, goal };
}

function graphParts({ nodes, edges }: Graph): JsonObject {
  const ways = new Map<string, number>();
  for (const { source } of edges) ways.set(source, (ways.get(source) ?? 0) + 1);
  const ends = edges.map(({ source, target, sourceHandle }) =>
    // Where one way leads out, its handle is appearance.
    JSON.stringify([source, target, (ways.get(source) ?? 0) > 1 ? (sourceHandle ?? null) : null]),
  );
  const steps = nodes.map(({ id, type, config }): [string, Json] => [id, { type, config: withoutNulls(config ?? {}) }]);
  return { nodes: Object.fromEntries(steps), edges: ends.sort() };
}

/** In a config, null is the same as absent. */
function withoutNulls(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNulls(inner as Json)]));
}
