import type { Line } from "./flow";

/** The measures of the drawing, in px of the canvas. console.css knows the same. */
export const size = { width: 224, height: 52, endWidth: 176, endHeight: 36 };

/** How wide the label of a line is, about. */
export type LabelWidth = (line: Line) => number;

/** Whether a way ends in the drawing without a step: it leads nowhere, or back. */
export const isEnd = (line: Line) => line.target === null || line.jumps !== null;

/** The id of the end of a way that leads nowhere or back. */
export const endId = (line: Line) => `end ${line.key}`;

/** Where a way leaves its step, whose middle is given. It moves a little, if the line then goes straight down. */
export function portAt(middle: number, index: number, ways: number, column: number): number {
  const port = middle + (index - (ways - 1) / 2) * Math.min(48, ways > 1 ? 184 / (ways - 1) : 0);
  return Math.abs(port - column) <= 12 ? column : port;
}
