import type { Flow, Line, Stop } from "./flow";
import { endId, isEnd, type LabelWidth, size } from "./measures";
import { type Block, leaf, Shelf } from "./pack";

/** The middles of all steps, ends and corridors (by the key of their line), from 0 at the left. */
export function placeColumns(flow: Flow, labelWidth: LabelWidth): Map<string, number> {
  const joins = new Map<string, Stop[]>(); // by the step below which they hang
  for (const stop of flow.stops.values()) {
    if (stop.into.length < 2 || stop.before === null) continue;
    const list = joins.get(stop.before);
    if (list) list.push(stop);
    else joins.set(stop.before, [stop]);
  }
  const shelf = new Shelf(0);
  for (const start of flow.starts) {
    const stop = flow.stops.get(start);
    // What cannot be reached lies below: only the parts among themselves are packed.
    if (stop) shelf.push(blockOf(stop, flow, joins, labelWidth));
  }
  const xs = new Map<string, number>();
  const settle = (block: Block, x: number) => {
    xs.set(block.id, x);
    for (const kid of block.kids) settle(kid.block, x + kid.x);
  };
  for (const kid of shelf.kids) settle(kid.block, kid.x);
  return startAtZero(xs, flow);
}

function startAtZero(xs: Map<string, number>, flow: Flow): Map<string, number> {
  let left = Number.POSITIVE_INFINITY;
  for (const [id, x] of xs) left = Math.min(left, flow.stops.has(id) ? x - size.width / 2 : x - size.endWidth / 2);
  for (const [id, x] of xs) xs.set(id, Math.round(x - left));
  return xs;
}

function blockOf(stop: Stop, flow: Flow, joins: Map<string, Stop[]>, labelWidth: LabelWidth): Block {
  const shelf = new Shelf(stop.row + 1);
  const middles: number[] = [];
  const waiting = new Set(joins.get(stop.node.id));
  const places = new Map<string, number>(); // of what stands on the shelf, while joins wait for their parents
  const note = (block: Block, x: number) => {
    places.set(block.id, x);
    for (const kid of block.kids) note(kid.block, x + kid.x);
  };
  const settleJoins = (all: boolean) => {
    for (const join of waiting) {
      const at = join.into.flatMap((line) => places.get(parentId(line, flow)) ?? []);
      if (!all && at.length < join.into.length) continue;
      waiting.delete(join);
      const block = blockOf(join, flow, joins, labelWidth);
      const x = shelf.near(block, at.length === 0 ? 0 : (Math.min(...at) + Math.max(...at)) / 2);
      if (waiting.size > 0) note(block, x);
    }
  };
  for (const line of stop.out) {
    const block = belowLine(line, stop, flow, joins, labelWidth);
    if (!block) continue;
    const x = shelf.push(block);
    middles.push(x);
    if (waiting.size === 0) continue;
    note(block, x);
    settleJoins(false);
  }
  settleJoins(true);
  return shelf.under(stop.node.id, size.width, ((middles[0] ?? 0) + (middles.at(-1) ?? 0)) / 2);
}

/** What hangs below a way: a step of its own, an end, or a corridor that leads down to a join. */
function belowLine(
  line: Line,
  stop: Stop,
  flow: Flow,
  joins: Map<string, Stop[]>,
  labelWidth: LabelWidth,
): Block | undefined {
  if (isEnd(line)) return leaf(endId(line), stop.row + 1, size.width);
  const target = flow.stops.get(line.target ?? "");
  if (!target) return undefined;
  if (target.into.length === 1) return blockOf(target, flow, joins, labelWidth);
  const rows = target.row - stop.row - 1;
  if (rows === 0) return undefined;
  const block = leaf(line.key, stop.row + 1, 0, rows);
  if (stop.out.length > 1) {
    block.left[0] = -labelWidth(line) / 2;
    block.right[0] = labelWidth(line) / 2;
  }
  return block;
}

/** The step or corridor from which a line arrives at a join. */
function parentId(line: Line, flow: Flow): string {
  const rows = (flow.stops.get(line.target ?? "")?.row ?? 0) - (flow.stops.get(line.source)?.row ?? 0);
  return rows > 1 ? line.key : line.source;
}
