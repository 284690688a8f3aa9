/** Returns the lines of a chart's axis: whole numbers from 0 to the maximum or above it, at most four. */
export function ticks(max: number): number[] {
  for (let power = 1; ; power *= 10) {
    for (const factor of [1, 2, 5]) {
      const step = factor * power;
      const count = Math.max(1, Math.ceil(max / step));
      if (count <= 3) return Array.from({ length: count + 1 }, (_, i) => i * step);
    }
  }
}

/** Of n places in a row, which have a label, so that there are at most `most`; the last one has. */
export function labelled(n: number, most: number): ReadonlySet<number> {
  const every = Math.max(1, Math.ceil(n / most));
  return new Set(Array.from({ length: n }, (_, i) => i).filter((i) => (n - 1 - i) % every === 0));
}
