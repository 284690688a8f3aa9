import type { Graph, GraphEdge } from "./types";
import { waysOf } from "./ways";

/**
 * Returns the edges by what they are the way of: the source, and the handle where several ways lead out.
 * Where one way only leads out, the handle is appearance. A second edge of one way has a key of its own.
 */
export function edgeSlots(graph: Graph): Map<string, GraphEdge> {
  const bySource = new Map<string, GraphEdge[]>();
  for (const edge of graph.edges) bySource.set(edge.source, [...(bySource.get(edge.source) ?? []), edge]);
  const single = new Set<string>();
  for (const node of graph.nodes) {
    const ways = waysOf(node, bySource.get(node.id) ?? []);
    if (ways.length === 1 && ways[0]?.handle === null) single.add(node.id);
  }
  const slots = new Map<string, GraphEdge>();
  for (const edge of graph.edges) {
    const key = JSON.stringify([edge.source, single.has(edge.source) ? "" : (edge.sourceHandle ?? "")]);
    let free = key;
    for (let n = 2; slots.has(free); n++) free = `${key} ${n}`;
    slots.set(free, edge);
  }
  return slots;
}

/** Returns the nodes by their ids. */
export function nodesById(graph: Graph) {
  return new Map(graph.nodes.map((node) => [node.id, node]));
}
