// How sure a difference of two rates is.

const z = 1.959964; // 95 %, two-sided

/** A difference of two shares, with the bounds of its 95 % interval. */
export interface Difference {
  value: number;
  low: number;
  high: number;
}

/** Wilson's score interval of a share. */
export function shareInterval(part: number, whole: number): { low: number; high: number } {
  if (whole === 0) return { low: 0, high: 1 };
  const share = part / whole;
  const center = share + z ** 2 / (2 * whole);
  const spread = z * Math.sqrt((share * (1 - share)) / whole + z ** 2 / (4 * whole ** 2));
  const scale = 1 + z ** 2 / whole;
  return { low: Math.max(0, (center - spread) / scale), high: Math.min(1, (center + spread) / scale) };
}

/**
 * The difference of two independent shares with Newcombe's interval (Statistics in Medicine 17, 1998, method 10),
 * which holds for few people too; undefined where one of the wholes is 0.
 */
export function difference(
  [part, whole]: readonly [number, number],
  [basePart, baseWhole]: readonly [number, number],
): Difference | undefined {
  if (whole === 0 || baseWhole === 0) return undefined;
  const [share, base] = [part / whole, basePart / baseWhole];
  const [a, b] = [shareInterval(part, whole), shareInterval(basePart, baseWhole)];
  const value = share - base;
  return {
    value,
    low: value - Math.hypot(share - a.low, b.high - base),
    high: value + Math.hypot(a.high - share, base - b.low),
  };
}
