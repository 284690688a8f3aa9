import type { Point } from "./layout";

const radius = 10;

/** The path of a line with round corners, `short` px short of its end. */
export function pathOf(points: readonly Point[], short: number): string {
  const [start] = points;
  if (!start) return "";
  let path = `M${start.x} ${start.y}`;
  points.slice(1).forEach((at, i) => {
    const before = points[i];
    const after = points[i + 2];
    if (!before) return;
    if (!after) {
      path += `L${at.x} ${at.y - short}`;
      return;
    }
    const r = Math.min(radius, distance(before, at) / 2, distance(at, after) / 2);
    const from = toward(at, before, r);
    const to = toward(at, after, r);
    path += `L${from.x} ${from.y}Q${at.x} ${at.y} ${to.x} ${to.y}`;
  });
  return path;
}

/** The corners of a line that arrives beside others at its target. */
export function shiftEnd(points: readonly Point[], dx: number): Point[] {
  const end = points.at(-1);
  const before = points.at(-2);
  if (!end || !before || dx === 0) return [...points];
  const last = { x: end.x + dx, y: end.y };
  // Where it came straight down it turns shortly before the end.
  const turn = points.length > 2 && points.at(-3)?.y === before.y ? before.y : end.y - 20;
  const rest =
    points.length > 2 && turn === before.y ? points.slice(0, -2) : [...points.slice(0, -1), { x: end.x, y: turn }];
  return [...rest, { x: last.x, y: turn }, last];
}

function distance(a: Point, b: Point): number {
  return Math.abs(a.x - b.x) + Math.abs(a.y - b.y);
}

function toward(from: Point, to: Point, by: number): Point {
  const all = distance(from, to) || 1;
  return { x: from.x + ((to.x - from.x) * by) / all, y: from.y + ((to.y - from.y) * by) / all };
}

/** How far a point is from a line. */
export function distanceTo(points: readonly Point[], at: Point): number {
  let least = Number.POSITIVE_INFINITY;
  points.slice(1).forEach((to, i) => {
    const from = points[i];
    if (!from) return;
    const x = Math.min(Math.max(at.x, Math.min(from.x, to.x)), Math.max(from.x, to.x));
    const y = Math.min(Math.max(at.y, Math.min(from.y, to.y)), Math.max(from.y, to.y));
    least = Math.min(least, Math.hypot(at.x - x, at.y - y));
  });
  return least;
}
