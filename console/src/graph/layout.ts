import { placeColumns } from "./columns";
import { type Flow, type Line, readFlow, type Stop } from "./flow";
import { type Gaps, placeGaps } from "./gaps";
import { endId, isEnd, type LabelWidth, portAt, size } from "./measures";
import type { Graph } from "./types";

/** Where a step is drawn, or the end of a way that leads nowhere or back. */
export interface Box {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  row: number;
  /** The line that ends here; absent for a step. */
  line?: Line;
}

export interface Point {
  x: number;
  y: number;
}

/** How a line is drawn. */
export interface DrawnLine {
  line: Line;
  /** The corners, from the port of its step to the top of what it leads to. */
  points: Point[];
  label: Point;
  plus: Point;
  /** Its place among the lines that meet at its target, from the left: the first of `lanes` is 0. */
  lane: number;
  lanes: number;
}

export interface Layout {
  flow: Flow;
  boxes: Map<string, Box>;
  lines: DrawnLine[];
  width: number;
  height: number;
}

/** Lays out a definition. The same definition looks the same for everybody. */
export function layout(graph: Graph, labelWidth: LabelWidth = guessWidth): Layout {
  const flow = readFlow(graph);
  const xs = placeColumns(flow, labelWidth);
  const gaps = placeGaps(flow, xs);
  const boxes = new Map<string, Box>();
  const lines: DrawnLine[] = [];
  for (const stop of flow.stops.values()) {
    boxes.set(stop.node.id, boxOf(stop.node.id, stop.row, xs, gaps, stop.node.type === "exit"));
    stop.out.forEach((line, i) => {
      if (isEnd(line)) boxes.set(endId(line), { ...boxOf(endId(line), stop.row + 1, xs, gaps, true), line });
      lines.push(drawLine(line, i, stop, flow, xs, gaps));
    });
  }
  const all = [...boxes.values()];
  return {
    flow,
    boxes,
    lines,
    width: Math.max(0, ...all.map((box) => box.x + box.width), ...lines.map((line) => line.label.x)),
    height: Math.max(0, ...all.map((box) => box.y + box.height)),
  };
}

function guessWidth(line: Line): number {
  return Math.min(200, 24 + 6.5 * line.way.name.length);
}

function boxOf(id: string, row: number, xs: Map<string, number>, gaps: Gaps, end: boolean): Box {
  const width = end ? size.endWidth : size.width;
  const height = end ? size.endHeight : size.height;
  return { id, x: (xs.get(id) ?? 0) - width / 2, y: gaps.tops[row] ?? 0, width, height, row };
}

function drawLine(line: Line, i: number, stop: Stop, flow: Flow, xs: Map<string, number>, gaps: Gaps): DrawnLine {
  const bottom = (gaps.tops[stop.row] ?? 0) + size.height;
  const below = gaps.tops[stop.row + 1] ?? bottom;
  const target = isEnd(line) ? undefined : flow.stops.get(line.target ?? "");
  const joins = target !== undefined && target.into.length > 1;
  const middle = xs.get(stop.node.id) ?? 0;
  const column = xs.get(joins ? line.key : (target?.node.id ?? endId(line))) ?? middle;
  const port = portAt(middle, i, stop.out.length, column);
  const points: Point[] = [{ x: port, y: bottom }];
  if (column !== port) {
    const y = bottom + (gaps.turns.get(line.key) ?? 0);
    points.push({ x: port, y }, { x: column, y });
  }
  const end = { x: column, y: below };
  if (joins) {
    end.x = xs.get(target.node.id) ?? column;
    end.y = gaps.tops[target.row] ?? below;
    const y = end.y - (gaps.meets.get(target.node.id) ?? 0);
    if (column !== end.x) points.push({ x: column, y }, { x: end.x, y });
  }
  points.push(end);
  const places = target && joins ? placeIn(target, line, xs) : { lane: 0, lanes: 1 };
  return { line, points, ...marksOf(line, stop, points, column, bottom, below, joins), ...places };
}

/** Where the name of a line and its "+" stand. */
function marksOf(
  line: Line,
  stop: Stop,
  points: Point[],
  x: number,
  bottom: number,
  below: number,
  joins: boolean,
): Pick<DrawnLine, "label" | "plus"> {
  if (stop.out.length > 1 || line.way.name !== "") {
    const label = { x, y: below - (points.length > 2 ? 16 : 21) };
    return { label, plus: label };
  }
  if (joins) return { label: { x, y: bottom + 13 }, plus: { x, y: bottom + 13 } };
  const middle = (bottom + below) / 2;
  return { label: { x, y: middle }, plus: { x, y: middle - 3 } };
}

/** Lines that meet are ordered by where they come from. */
function placeIn(target: Stop, line: Line, xs: Map<string, number>): { lane: number; lanes: number } {
  const from = (l: Line) => xs.get(l.key) ?? xs.get(l.source) ?? 0;
  const mine = from(line);
  let lane = 0;
  for (const other of target.into) {
    const x = from(other);
    if (x < mine || (x === mine && other.key < line.key)) lane++;
  }
  return { lane, lanes: target.into.length };
}
