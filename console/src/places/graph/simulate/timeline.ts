// The scale of the scrubber: the steps, not the hours, so that a wait of 30 days leaves the seconds around it apart.
import type { Result } from "./coverage";

/** A place on the scale: a step, or the end of a run that ended in the middle of one. */
export interface Stop {
  at: number; // ms since 1970
  /** Share of the width, 0 to 1. */
  x: number;
  /** The index in the trace; undefined for the end. */
  step?: number;
}

export interface Timeline {
  stops: readonly Stop[];
  start: number;
  end: number;
}

const margin = 1 / 30;
const hour = 3_600_000;
const dayHours = 24;

/** Lays out the steps of a run. */
export function timelineOf(result: Result): Timeline {
  const times = result.trace.map((step) => Date.parse(step.at));
  const start = times[0] ?? 0;
  const last = times.at(-1) ?? start;
  const end = Math.max(last, start + Math.round(result.durationHours * hour));
  const ends = end > last || result.outcome !== "exited" || result.trace.at(-1)?.nodeType !== "exit";
  const n = times.length + (ends && times.length > 0 ? 1 : 0);
  const x = (i: number) => (n < 2 ? margin : margin + ((1 - 2 * margin) * i) / (n - 1));
  const stops: Stop[] = times.map((at, step) => ({ at, x: x(step), step }));
  if (stops.length < n) stops.push({ at: end, x: x(n - 1) });
  return { stops, start, end };
}

/** The place of a time. Before the entry and after the end, a day takes half of the margin. */
export function placeOf({ stops, start, end }: Timeline, at: number): number {
  const first = stops[0];
  const last = stops.at(-1);
  if (first === undefined || last === undefined) return 0;
  if (at < start) return first.x * squash((start - at) / hour, true);
  if (at > end) return last.x + (1 - last.x) * squash((at - end) / hour, false);
  const i = stops.findLastIndex((stop) => stop.at <= at);
  const from = stops[i] ?? first;
  const to = stops[i + 1];
  if (to === undefined || to.at === from.at) return from.x;
  return from.x + ((to.x - from.x) * (at - from.at)) / (to.at - from.at);
}

/** The time at a place: the inverse of `placeOf`, where time passes there. */
export function timeAt({ stops, start, end }: Timeline, x: number): number {
  const first = stops[0];
  const last = stops.at(-1);
  if (first === undefined || last === undefined) return start;
  if (x < first.x) return start - hour * stretch(x / first.x, true);
  if (x > last.x) return end + hour * stretch((x - last.x) / (1 - last.x), false);
  const i = Math.max(
    0,
    stops.findLastIndex((stop) => stop.x <= x),
  );
  const from = stops[i] ?? first;
  const to = stops[i + 1];
  if (to === undefined) return from.at;
  return from.at + ((to.at - from.at) * (x - from.x)) / (to.x - from.x);
}

function squash(hours: number, before: boolean): number {
  const share = 1 / (1 + hours / dayHours);
  return before ? share : 1 - share;
}

function stretch(share: number, before: boolean): number {
  const left = Math.min(1, Math.max(1 / 365, before ? share : 1 - share));
  return dayHours * (1 / left - 1);
}

/** The stop a day after, or before, another one. */
export function aDayFrom({ stops }: Timeline, index: number, by: 1 | -1): number {
  const now = stops[index]?.at ?? 0;
  if (by === 1) {
    const next = stops.findIndex((stop, i) => i > index && stop.at >= now + dayHours * hour);
    return next < 0 ? stops.length - 1 : next;
  }
  return Math.max(
    0,
    stops.findLastIndex((stop, i) => i < index && stop.at <= now - dayHours * hour),
  );
}

/** The stop nearest to a place. */
export function stopAt({ stops }: Timeline, x: number): number {
  let best = 0;
  stops.forEach((stop, i) => {
    if (Math.abs(stop.x - x) < Math.abs((stops[best]?.x ?? 0) - x)) best = i;
  });
  return best;
}
