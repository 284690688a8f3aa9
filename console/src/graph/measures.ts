import type { Line } from "./flow";

/** The measures of the drawing, in px of the canvas. console.css knows the same. */
export const size = { width: 224, height: 52, endWidth: 176, endHeight: 36 };

/** How wide the label of a line is, about. */
export type LabelWidth = (line: Line) => number;

/** Whether a way ends in the drawing without a step: it leads nowhere, or back. */
export const isEnd = (line: Line) => line.target === null || line.jumps;

/** The id of the end of a way that leads nowhere or back. */
export const endId = (line: Line) => `end ${line.key}`;

/** Where a way leaves its step, from the step's middle. */
export function portOffset(index: number, ways: number): number {
  return (index - (ways - 1) / 2) * Math.min(48, ways > 1 ? 184 / (ways - 1) : 0);
}
