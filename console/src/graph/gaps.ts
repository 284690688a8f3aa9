import type { Flow, Stop } from "./flow";
import { endId, isEnd, portAt, size } from "./measures";

const plainGap = 32;
const splitGap = 48;
const partGap = 64; // above what cannot be reached
const turn = 14; // from a step down to where its lines turn
const meet = 20; // from where lines meet down to their step
const trackGap = 10; // between lines of one step that turn to the same side
const laneGap = 14; // between the meetings of one gap

/** The rows, and where between them lines run across. */
export interface Gaps {
  /** The upper edge of each row. */
  tops: number[];
  /** How far below its step a line turns, by its key. */
  turns: Map<string, number>;
  /** How far above a join its lines meet, by its id. */
  meets: Map<string, number>;
}

/** Places the rows. A gap has room for the lines that run across in it. */
export function placeGaps(flow: Flow, xs: Map<string, number>): Gaps {
  const heights: number[] = [];
  const tracks: number[] = [];
  const joins: Stop[][] = [];
  const turns = new Map<string, number>();
  for (const stop of flow.stops.values()) {
    const { row } = stop;
    heights[row] = Math.max(heights[row] ?? 0, stop.node.type === "exit" ? size.endHeight : size.height);
    if (stop.out.some(isEnd)) heights[row + 1] = Math.max(heights[row + 1] ?? 0, size.endHeight);
    const named = stop.out.length > 1 || stop.out.some((line) => line.way.name !== "");
    if (named) tracks[row] = Math.max(tracks[row] ?? 0, 1, placeTurns(stop, flow, xs, turns));
    if (stop.into.length > 1) {
      const list = joins[row - 1];
      if (list) list.push(stop);
      else joins[row - 1] = [stop];
    }
  }
  const meets = new Map<string, number>();
  const tops = [0];
  const firstOfPart = flow.stops.get(flow.starts[1] ?? "")?.row;
  for (let row = 0; row < heights.length; row++) {
    const lanes = placeMeetings(joins[row] ?? [], xs, meets);
    let gap = (lanes > 0 && heights[row] !== undefined) || tracks[row] ? splitGap : plainGap;
    gap += trackGap * Math.max(0, (tracks[row] ?? 0) - 1) + laneGap * Math.max(0, lanes - 1);
    if (row + 1 === firstOfPart) gap = Math.max(gap, partGap);
    tops[row + 1] = (tops[row] ?? 0) + (heights[row] ?? 0) + gap;
  }
  return { tops, turns, meets };
}

/** Outer lines turn above inner ones, so that they do not cross. Returns how many lie one below the other. */
function placeTurns(stop: Stop, flow: Flow, xs: Map<string, number>, turns: Map<string, number>): number {
  const middle = xs.get(stop.node.id) ?? 0;
  const left: string[] = [];
  const right: string[] = [];
  stop.out.forEach((line, i) => {
    const joins = !isEnd(line) && (flow.stops.get(line.target ?? "")?.into.length ?? 0) > 1;
    const to = xs.get(isEnd(line) ? endId(line) : joins ? line.key : (line.target ?? "")) ?? middle;
    const from = portAt(middle, i, stop.out.length, to);
    if (to < from) left.push(line.key);
    if (to > from) right.unshift(line.key);
  });
  for (const side of [left, right]) {
    for (const [k, key] of side.entries()) turns.set(key, turn + k * trackGap);
  }
  return Math.max(left.length, right.length);
}

/** Meetings that would run over each other get lanes of their own. Returns how many lanes there are. */
function placeMeetings(joins: Stop[], xs: Map<string, number>, meets: Map<string, number>): number {
  const spans = joins.map((join) => {
    const at = join.into.map((line) => xs.get(line.key) ?? xs.get(line.source) ?? 0);
    const x = xs.get(join.node.id) ?? 0;
    return { id: join.node.id, from: Math.min(x, ...at), to: Math.max(x, ...at) };
  });
  spans.sort((a, b) => a.from - b.from || a.to - b.to);
  const ends: number[] = [];
  for (const span of spans) {
    let lane = ends.findIndex((end) => end < span.from);
    if (lane < 0) lane = ends.length;
    ends[lane] = span.to;
    meets.set(span.id, meet + lane * laneGap);
  }
  return ends.length;
}
