// Keeps the edges of a step in step with its ways, when its form changes them.
import { addExitAt, dropLostExits, edgeAt, nodeOf, replaceNode } from "./edit";
import type { Graph, GraphEdge, GraphNode } from "./types";
import { awaitedIds, waysOf } from "./ways";

/**
 * Puts a changed node in the place of the one with its id. A way that was renamed keeps its edge; the edge of a
 * way that is gone goes, but the steps after it stay; a new way leads nowhere yet.
 */
export function change(graph: Graph, next: GraphNode): Graph {
  const before = nodeOf(graph, next.id);
  if (before === undefined || before === next) return graph;
  const replaced = replaceNode(graph, next);
  if (before.type === "wait" && next.type === "wait") return changeWait(replaced, graph, before, next);
  return follow(replaced, graph, handlesOf(before, graph), handlesOf(next, replaced), next.id);
}

function handlesOf(node: GraphNode, graph: Graph): string[] {
  return waysOf(node, graph.edges).flatMap(({ handle }) => (handle === null ? [] : [handle]));
}

/** A wait gets ways when an event may end it, and has one again when none may. */
function changeWait(graph: Graph, before: Graph, from: GraphNode, to: GraphNode): Graph {
  const had = awaitedIds(from.config ?? {});
  const has = awaitedIds(to.config ?? {});
  if (had.length === 0 && has.length > 0) return splitWait(graph, to.id, has);
  const ways = handlesOf(from, before);
  if (ways.length === 0) return graph; // one plain way for the event and the timeout
  if (has.length > 0) {
    const followed = follow(graph, before, had, has, to.id);
    const meets = has.map((id) => edgeAt(followed, { source: to.id, handle: id })?.target).find(Boolean);
    const added = has.filter((id) => !had.includes(id) && !edgeAt(followed, { source: to.id, handle: id }));
    if (meets === undefined || had.length >= has.length) return followed;
    return { ...followed, edges: [...followed.edges, ...added.map((id) => edge(to.id, id, meets))] };
  }
  const edges = graph.edges.flatMap((e) => {
    if (e.source !== to.id) return [e];
    return e.sourceHandle === "timeout" ? [withoutHandle(e)] : [];
  });
  return dropLostExits({ ...graph, edges }, before);
}

/** Gives a wait a way for each event, to an exit, beside the one for the timeout. */
export function splitWait(graph: Graph, id: string, events: readonly string[]): Graph {
  const edges = graph.edges.map((e) => (e.source === id ? { ...e, sourceHandle: "timeout" } : e));
  const [first, ...others] = events;
  if (first === undefined) return graph;
  const added = addExitAt({ ...graph, edges }, { source: id, handle: first });
  return { ...added.graph, edges: [...added.graph.edges, ...others.map((event) => edge(id, event, added.id))] };
}

function edge(source: string, sourceHandle: string, target: string): GraphEdge {
  return { source, target, sourceHandle };
}

function withoutHandle(e: GraphEdge): GraphEdge {
  const { sourceHandle: _, ...rest } = e;
  return rest;
}

/** Renames or removes the edges whose handles changed. */
function follow(graph: Graph, before: Graph, had: readonly string[], has: readonly string[], id: string): Graph {
  const gone = had.filter((handle) => !has.includes(handle));
  if (gone.length === 0) return graph;
  const renamed = had.length === has.length && gone.length === 1 ? has[had.indexOf(gone[0] ?? "")] : undefined;
  const edges = graph.edges.flatMap((e) => {
    if (e.source !== id || typeof e.sourceHandle !== "string" || !gone.includes(e.sourceHandle)) return [e];
    return renamed === undefined ? [] : [{ ...e, sourceHandle: renamed }];
  });
  return dropLostExits({ ...graph, edges }, before);
}
