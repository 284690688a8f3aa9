// Stands for d3-color, which d3-interpolate and d3-transition ask whether a value is a color. The canvas animates none.

export function color(): null {
  return null;
}

/** What no value is an instance of. */
export class Never {}

export { Never as cubehelix, Never as hcl, Never as hsl, Never as lab, Never as rgb };
