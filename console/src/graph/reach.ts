import type { Graph } from "./types";

/** Whether one node leads to another, or is it. */
export function reaches(graph: Graph, from: string, to: string): boolean {
  return reachable(graph, [from]).has(to);
}

/** The nodes to which some nodes lead, with themselves. */
export function reachable(graph: Graph, from: Iterable<string>): Set<string> {
  const next = new Map<string, string[]>();
  for (const { source, target } of graph.edges) next.set(source, [...(next.get(source) ?? []), target]);
  const seen = new Set(from);
  for (const id of seen) for (const target of next.get(id) ?? []) seen.add(target);
  return seen;
}

/** The nodes to which nothing leads. */
export function roots(graph: Graph): string[] {
  const targets = new Set(graph.edges.map(({ target }) => target));
  return graph.nodes.flatMap(({ id }) => (targets.has(id) ? [] : [id]));
}
