// The lines of a graph, and which of them personas took.

import type { Schemas } from "../../../api";
import { nameOf } from "../../../graph/describe";
import type { Graph, GraphNode } from "../../../graph/types";
import { edgeOf, lineKey, type Way, waysOf } from "../../../graph/ways";
import { isObject } from "../../../json";

export type Result = Schemas["TestResult"];
export type Step = Schemas["TraceStep"];

/** A line: a way out of a step that leads somewhere. */
export interface Line {
  key: string;
  node: GraphNode;
  way: Way;
  target: string;
}

/** All lines of a graph, in the order of its nodes and their ways. */
export function linesOf(graph: Graph): Line[] {
  return graph.nodes.flatMap((node) =>
    waysOf(node, graph.edges).flatMap((way) => {
      const edge = edgeOf(graph, node.id, way);
      return edge ? [{ key: lineKey(node.id, way.handle), node, way, target: edge.target }] : [];
    }),
  );
}

/** The line by which a step of a trace was left; undefined at the end. */
export function lineTaken(step: Step, lines: ReadonlyMap<string, readonly Line[]>): Line | undefined {
  if (step.next === undefined) return undefined;
  const out = lines.get(step.nodeId) ?? [];
  return (
    out.find(({ way, target }) => way.handle === step.result && target === step.next) ??
    out.find(({ way, target }) => way.handle === null && target === step.next) ??
    out.find(({ target }) => target === step.next)
  );
}

/** Lines by the node that they leave. */
export function bySource(lines: readonly Line[]): Map<string, Line[]> {
  const map = new Map<string, Line[]>();
  for (const line of lines) map.set(line.node.id, [...(map.get(line.node.id) ?? []), line]);
  return map;
}

/** Which lines and steps the personas used. */
export interface Coverage {
  lines: readonly Line[];
  taken: ReadonlySet<string>;
  visited: ReadonlySet<string>;
  /** Untaken lines that leave a step which a persona reached. */
  next: readonly Line[];
}

/** Counts the lines that some persona took. */
export function coverageOf(graph: Graph, results: readonly Result[]): Coverage {
  const lines = linesOf(graph);
  const sources = bySource(lines);
  const taken = new Set<string>();
  const visited = new Set<string>();
  for (const { trace } of results) {
    for (const step of trace) {
      visited.add(step.nodeId);
      const line = lineTaken(step, sources);
      if (line) taken.add(line.key);
    }
  }
  const next = lines.filter((line) => !taken.has(line.key) && visited.has(line.node.id));
  return { lines, taken, visited, next };
}

/** How many findings there are for each node, from their pointers. */
export function findingsByNode(graph: Graph, findings: readonly { pointer: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { pointer } of findings) {
    const node = graph.nodes[Number(/^\/definition\/nodes\/(\d+)/.exec(pointer)?.[1] ?? -1)];
    if (isObject(node)) counts.set(node.id, (counts.get(node.id) ?? 0) + 1);
  }
  return counts;
}

/** The name of the exit that a run reached; undefined if it ended elsewhere. */
export function exitName(graph: Graph, { trace }: Result): string | undefined {
  const last = trace.at(-1);
  const node = last?.nodeType === "exit" ? graph.nodes.find(({ id }) => id === last.nodeId) : undefined;
  return node && nameOf(node);
}
