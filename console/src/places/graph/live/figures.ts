import type { Schemas } from "../../../api";
import type { Graph, GraphEdge, GraphNode } from "../../../graph/types";
import { lineKey } from "../../../graph/ways";
import type { JsonObject } from "../../../json";

export type Analytics = Schemas["Analytics"];
export type Step = Schemas["AnalyticsStep"];
export type Line = Schemas["AnalyticsEdge"];

/** The people of one version. entered = inside + finished + left + failed. */
export interface Counts {
  entered: number;
  inside: number;
  finished: number;
  left: number;
  failed: number;
  converted: number;
}

/** The figures of one graph. Those of several are never added up. */
export interface VersionFigures {
  /** The number of an earlier version; null for the present one. */
  number: number | null;
  graph: Graph;
  steps: ReadonlyMap<string, Step>;
  /** By the key of their line on the graph. */
  lines: ReadonlyMap<string, Line>;
  counts: Counts;
}

/** Returns the figures of each graph: of the present one, then of earlier ones, newest first. */
export function versionsOf(figures: Analytics): VersionFigures[] {
  const numbers = new Set([null, ...figures.steps.map((step) => step.version ?? null)]);
  const all = [...numbers].map((number) => {
    const steps = figures.steps.filter((step) => (step.version ?? null) === number);
    const lines = figures.edges.filter((line) => (line.version ?? null) === number);
    return versionOf(number, steps, lines);
  });
  const [only] = all;
  if (all.length > 1 || !only || figures.versionsLeftOut) return all;
  return [{ ...only, counts: wholeCounts(figures) }];
}

function versionOf(number: number | null, steps: readonly Step[], lines: readonly Line[]): VersionFigures {
  const graph = graphOf(steps, lines);
  return {
    number,
    graph,
    steps: new Map(steps.map((step) => [step.nodeId, step])),
    lines: new Map(lines.map((line) => [lineKey(line.source, line.sourceHandle ?? null), line])),
    counts: stepCounts(steps),
  };
}

/** Draws the graph from the figures alone, as those may see it who may not read definitions. */
function graphOf(steps: readonly Step[], lines: readonly Line[]): Graph {
  const nodes = steps.map(({ nodeId, nodeType, label }): GraphNode => {
    const handles = lines.flatMap((line) => (line.source === nodeId && line.sourceHandle ? [line.sourceHandle] : []));
    const config = configOf(nodeType, handles);
    return { id: nodeId, type: nodeType, ...(label && { label }), ...(config && { config }) };
  });
  const edges = lines.map(
    ({ source, target, sourceHandle }): GraphEdge => ({ source, target, ...(sourceHandle && { sourceHandle }) }),
  );
  return { nodes, edges };
}

/** As much of the settings as says which ways there are. */
function configOf(type: string, handles: readonly string[]): JsonObject | undefined {
  const named = (ids: readonly string[]) => ids.map((id) => ({ id }));
  if (type === "random_split") return { branches: named(handles) };
  if (type === "multi_split") return { branches: named(handles.filter((handle) => handle !== "else")) };
  const events = handles.filter((handle) => handle !== "timeout");
  if (type !== "wait" || events.length === 0) return undefined;
  return { waitForEvent: events.length === 1 && events[0] === "event" ? "event" : { any: named(events) } };
}

function stepCounts(steps: readonly Step[]): Counts {
  const sum = (value: (step: Step) => number) => steps.reduce((total, step) => total + value(step), 0);
  const atEntry = (step: Step) => step.nodeType === "entry_trigger";
  return {
    entered: sum((step) => (atEntry(step) ? step.entered : 0)),
    inside: sum((step) => step.active),
    finished: sum((step) => (step.nodeType === "exit" ? step.completed : 0)),
    left: sum((step) => step.dropped),
    failed: sum((step) => step.failed),
    converted: sum((step) => (atEntry(step) ? step.converted : 0)),
  };
}

/** The journey's own counts, where it has one graph only. Some people finish by an event, away from any exit. */
function wholeCounts({ enrollments, conversions }: Analytics): Counts {
  return {
    entered: enrollments.total,
    inside: enrollments.active,
    finished: enrollments.completed,
    left: enrollments.expired + enrollments.cancelled,
    failed: enrollments.failed,
    converted: conversions,
  };
}

/** The width of a line in px of the canvas, by its share of all who entered. */
export function lineWidth(passed: number, entered: number): number {
  const width = entered === 0 ? 0 : (13 * passed) / entered;
  return Math.max(1.5, Math.round(width * 10) / 10);
}

/** A way of a split, with what became of those who took it. */
export interface Branch {
  id: string;
  taken: number;
  converted: number;
}

/** The ways of a step that several lead out of, in the order of the graph. */
export function branchesOf(step: Step, graph: Graph): Branch[] {
  const { branches, branchesConverted = {} } = step;
  if (!branches) return [];
  const drawn = graph.edges.flatMap((edge) => (edge.source === step.nodeId ? [edge.sourceHandle ?? ""] : []));
  return [...new Set([...drawn, ...Object.keys(branches)])]
    .filter((id) => Object.hasOwn(branches, id))
    .map((id) => ({ id, taken: branches[id] ?? 0, converted: branchesConverted[id] ?? 0 }));
}

/** The branch that others are compared with: by its name, else the one that leads to an exit at once, else the last. */
export function baselineOf(step: Step, branches: readonly Branch[], graph: Graph): string | undefined {
  const named = branches.find(({ id }) => /^(holdout|control)/i.test(id));
  const exits = new Set(graph.nodes.filter((node) => node.type === "exit").map((node) => node.id));
  const ending = branches.filter(({ id }) =>
    graph.edges.some((edge) => edge.source === step.nodeId && edge.sourceHandle === id && exits.has(edge.target)),
  );
  const alone = ending.length === 1 ? ending[0] : undefined;
  return (named ?? alone ?? branches.at(-1))?.id;
}

/** The first and the last day of a range that ends today, in UTC, in which the API counts days. */
export function rangeOf(days: number, now: number): { from: string; to: string } {
  const date = (at: number) => new Date(at).toISOString().slice(0, 10);
  return { from: date(now - (days - 1) * 86_400_000), to: date(now) };
}

/** The pause before the next reading of figures, in ms, after so many that found the same: 10 s, doubled up to 60 s while no one moves. */
export function pauseAfter(quiet: number): number {
  return Math.min(60_000, 10_000 * 2 ** quiet);
}
