import { type Graph, type GraphEdge, type GraphNode, isNodeType } from "./types";
import { lineKey, type Way, waysOf } from "./ways";

/** A line of the drawing: a way out of a step, and where it leads. */
export interface Line {
  key: string;
  source: string;
  way: Way;
  /** The step it leads to; null where it leads nowhere. */
  target: string | null;
  /** Leads back in a cycle, or on from an unreachable step into the journey. Such a way is not drawn as a line. */
  jumps: "back" | "on" | null;
}

/** A step in the order of the journey. */
export interface Stop {
  node: GraphNode;
  /** In the order of the ways. */
  out: Line[];
  /** Lines that are drawn into it: more than one where ways join. */
  into: Line[];
  /** The last step that every way to this one passes; null for a start. */
  before: string | null;
  /** How many steps lie above it in the tree of `before`. */
  depth: number;
  row: number;
}

/** A definition read as a journey: from the entry downward, without cycles. */
export interface Flow {
  /** Every step by its id, in an order in which each comes after those that lead to it. */
  stops: Map<string, Stop>;
  /** The entry, then the first step of each part that cannot be reached. */
  starts: string[];
}

/** Reads a definition. Any definition can be read: half drawn, with cycles, with parts that cannot be reached. */
export function readFlow(graph: Graph): Flow {
  const all = collect(graph);
  const flow: Flow = { stops: new Map(), starts: [] };
  const parts = new Map<string, number>(); // the part that a step belongs to
  let below = 0;
  for (const start of startsOf(all)) {
    if (parts.has(start)) continue;
    const part = sortPart(start, flow.starts.length, all, parts);
    // Parts that cannot be reached stand side by side below all of what can.
    const last = placeRows(part, flow.starts.length === 0 ? 0 : below);
    if (flow.starts.length === 0) below = last + 1;
    flow.starts.push(start);
    for (const stop of part) flow.stops.set(stop.node.id, stop);
  }
  return flow;
}

function collect(graph: Graph): Map<string, Stop> {
  const out = new Map<string, GraphEdge[]>();
  for (const edge of graph.edges) {
    const edges = out.get(edge.source);
    if (edges) edges.push(edge);
    else out.set(edge.source, [edge]);
  }
  const stops = new Map<string, Stop>();
  for (const node of graph.nodes) {
    if (stops.has(node.id)) continue;
    stops.set(node.id, { node, out: [], into: [], before: null, depth: 0, row: 0 });
  }
  for (const stop of stops.values()) stop.out = linesOf(stop.node, out.get(stop.node.id) ?? [], stops);
  return stops;
}

/** The ways of a step, then the edges that follow none of them, which the API refuses. */
function linesOf(node: GraphNode, edges: GraphEdge[], stops: Map<string, Stop>): Line[] {
  const lines: Line[] = [];
  const used = new Set<GraphEdge>();
  const keys = new Set<string>();
  const add = (way: Way, edge: GraphEdge | undefined) => {
    const target = edge && stops.has(edge.target) ? edge.target : null;
    let key = lineKey(node.id, way.handle);
    if (keys.has(key)) key = secondKey(node.id, way.handle, target ?? "");
    if (keys.has(key)) return;
    keys.add(key);
    lines.push({ key, source: node.id, way, target, jumps: null });
  };
  const known = waysOf(node, edges);
  for (const way of known) {
    const edge = edges.find((e) => way.handle === null || e.sourceHandle === way.handle);
    if (edge) used.add(edge);
    if (edge || isNodeType(node.type)) add(way, edge);
  }
  const plain = known.length === 1 && known[0]?.handle === null;
  for (const edge of edges) {
    if (used.has(edge) || !stops.has(edge.target)) continue;
    const handle = plain ? null : (edge.sourceHandle ?? null);
    add({ handle, name: handle ?? "" }, edge);
  }
  return lines;
}

/** The key of a second line of one way: two versions drawn as one, or a fault. The first has the plain key. */
export function secondKey(source: string, handle: string | null, target: string): string {
  return `${lineKey(source, handle)} ${target}`;
}

/** The entry, then steps that nothing leads to, then the rest: cycles that cannot be reached. */
function* startsOf(stops: Map<string, Stop>): Generator<string> {
  const led = new Set<string>();
  let entry: string | undefined;
  for (const stop of stops.values()) {
    if (stop.node.type === "entry_trigger") entry ??= stop.node.id;
    for (const line of stop.out) if (line.target !== null && line.target !== line.source) led.add(line.target);
  }
  if (entry !== undefined) yield entry;
  for (const id of stops.keys()) if (!led.has(id)) yield id;
  yield* stops.keys();
}

/** Sorts what a start leads to, and marks the lines that lead back or into an earlier part. */
function sortPart(start: string, part: number, stops: Map<string, Stop>, parts: Map<string, number>): Stop[] {
  const done: Stop[] = [];
  const open = new Set<string>();
  const visit = (stop: Stop) => {
    const id = stop.node.id;
    parts.set(id, part);
    open.add(id);
    // From the last way to the first, so that the order below follows the ways.
    for (const line of [...stop.out].reverse()) {
      const target = line.target === null ? undefined : stops.get(line.target);
      if (!target) continue;
      const of = parts.get(target.node.id);
      if (of === undefined) visit(target);
      if (open.has(target.node.id)) line.jumps = "back";
      else if (of !== undefined && of !== part) line.jumps = "on";
      else target.into.push(line);
    }
    open.delete(id);
    done.push(stop);
  };
  const first = stops.get(start);
  if (first) visit(first);
  return done.reverse();
}

/** Sets rows by the longest path, and the last step before each that all of its ways pass. Returns the last row. */
function placeRows(part: Stop[], first: number): number {
  const stops = new Map(part.map((stop) => [stop.node.id, stop]));
  let last = first;
  for (const stop of part) {
    stop.row = first;
    for (const line of stop.into) {
      const source = stops.get(line.source);
      if (!source) continue;
      // A named way into a join gets a row of its own, for its name.
      const rows = stop.into.length > 1 && source.out.length > 1 ? 2 : 1;
      stop.row = Math.max(stop.row, source.row + rows);
      stop.before = stop.before === null ? line.source : common(stops, stop.before, line.source);
    }
    stop.depth = stop.before === null ? 0 : (stops.get(stop.before)?.depth ?? 0) + 1;
    last = Math.max(last, stop.row + (stop.out.some((line) => line.target === null || line.jumps) ? 1 : 0));
  }
  return last;
}

function common(stops: Map<string, Stop>, a: string, b: string): string {
  let left = a;
  let right = b;
  while (left !== right) {
    const l = stops.get(left);
    const r = stops.get(right);
    if (!l || !r) return left;
    if (l.depth >= r.depth) left = l.before ?? left;
    if (l.depth <= r.depth) right = r.before ?? right;
    if (l.before === null && r.before === null) return left;
  }
  return left;
}
