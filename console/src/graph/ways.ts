import { isObject, type Json, type JsonObject, scalarText } from "../json";
import type { Graph, GraphEdge, GraphNode } from "./types";

/** A way out of a step. */
export interface Way {
  /** The handle of its edge; null where one way only leads out. */
  handle: string | null;
  /** What it is called on the graph; "" where one way only leads out. The words for true, false, else, timeout and event are the caller's. */
  name: string;
}

const single: readonly Way[] = [{ handle: null, name: "" }];

/** Returns the ways out of a node, in the order in which they are drawn from left to right. */
export function waysOf(node: GraphNode, edges: readonly GraphEdge[]): readonly Way[] {
  const config = node.config ?? {};
  switch (node.type) {
    case "exit":
      return [];
    case "condition_split":
      return [named("true"), named("false")];
    case "multi_split":
      return [...branchIds(config).map(named), named("else")];
    case "random_split":
      return branchIds(config).map(named);
    case "wait":
      return waitWays(
        config,
        edges.filter((edge) => edge.source === node.id),
      );
    case "entry_trigger":
    case "nba_decision":
    case "channel_action":
    case "update_customer":
      return single;
    default:
      return unknownWays(edges.filter((edge) => edge.source === node.id));
  }
}

function named(handle: string): Way {
  return { handle, name: handle };
}

function branchIds(config: JsonObject): string[] {
  const branches = config["branches"];
  return Array.isArray(branches)
    ? branches.flatMap((branch) => (isObject(branch) ? [scalarText(branch["id"])] : []))
    : [];
}

/** The events of a wait that lead out by themselves: none, one named `event`, or those of `any` by their ids. */
export function awaitedIds(config: JsonObject): string[] {
  const awaited: Json | undefined = config["waitForEvent"];
  if (awaited === undefined || awaited === null) return [];
  const any = isObject(awaited) ? awaited["any"] : undefined;
  return Array.isArray(any) ? any.flatMap((event) => (isObject(event) ? [scalarText(event["id"])] : [])) : ["event"];
}

/** A wait with an event leads out by one plain edge, or by one for the timeout and one for each event. */
function waitWays(config: JsonObject, out: readonly GraphEdge[]): readonly Way[] {
  const ids = awaitedIds(config);
  if (ids.length === 0 || (out.length > 0 && out.every((edge) => !edge.sourceHandle))) return single;
  return [...ids.map(named), named("timeout")];
}

function unknownWays(out: readonly GraphEdge[]): readonly Way[] {
  return out.length === 0
    ? single
    : out.map((edge) => ({ handle: edge.sourceHandle ?? null, name: edge.sourceHandle ?? "" }));
}

/** Returns the edge that leaves a node by a way. Where one way only leads out, any handle is appearance. */
export function edgeOf(graph: Graph, source: string, way: Way): GraphEdge | undefined {
  return graph.edges.find(
    (edge) => edge.source === source && (way.handle === null || edge.sourceHandle === way.handle),
  );
}

/** The key of a line: two ways of a split may lead to one step, so the target is not part of it. */
export function lineKey(source: string, handle: string | null): string {
  return `${source} ${handle ?? ""}`;
}
