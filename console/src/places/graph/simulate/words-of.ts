// Words for results, times and tests of a simulation.
import words from "#words/simulate";
import { formatDuration } from "../../../duration";
import { formatClock, formatDay, formatMinute, formatWeekday } from "../../../format";
import { wayName } from "../../../graph/describe";
import type { GraphNode } from "../../../graph/types";
import { isObject, type Json, scalarText } from "../../../json";
import { say } from "../../../say";
import type { Result, Step } from "./coverage";
import { periodMs } from "./solve";

/** A value as one line. */
export function valueText(value: Json | undefined): string {
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  return isObject(value) ? JSON.stringify(value) : scalarText(value);
}

const forks = ["condition_split", "multi_split", "random_split"];
const endings = ["exited", "expired", "stopped"];

/** What a step did, in a word or two. Names of branches and events are the user's own. */
export function resultText(step: Step, node: GraphNode | undefined): string {
  const { result } = step;
  const way = node && (forks.includes(node.type) || result === "event") && !endings.includes(result);
  if (way) return wayName(node, { handle: result, name: result });
  const known: Readonly<Record<string, string>> = words.results;
  return Object.hasOwn(known, step.result) ? (known[step.result] ?? step.result) : step.result;
}

/** How a run ended: the name of its exit, or the reason. */
export function outcomeText(result: Result, exitName: string | undefined): string {
  if (result.outcome === "expired") return words.expired;
  if (result.outcome === "stopped") return say(words.stopped, { reason: reasonText(result.exitReason) });
  return exitName ?? say(words.leftEarly, { reason: reasonText(result.exitReason) });
}

function reasonText(reason: string | null): string {
  const known: Readonly<Record<string, string>> = words.reasons;
  return known[reason ?? ""] ?? (reason ?? "").replace(/^node \S+: /, "");
}

/** How long a run took. */
export const lengthText = (result: Result) => formatDuration(result.durationHours * 3_600_000);

/** The weekday, day and time of an instant. */
export const momentText = (at: number | string) => `${formatWeekday(at)}, ${formatMinute(at)}`;

/** The time of day on the day of the entry, else the day: what fits on a step. */
export function shortText(at: number | string, start: number): string {
  return sameDay(at, start) ? formatMinute(at) : formatDay(at);
}

/** The time of day with seconds; the day before it where it is another than that of the entry. */
export function clockText(at: number | string, start: number): string {
  return sameDay(at, start) ? formatClock(at) : `${formatWeekday(at)}, ${formatClock(at)}`;
}

function sameDay(at: number | string, start: number): boolean {
  return new Date(at).toDateString() === new Date(start).toDateString();
}

/** "2 hours after entry". */
export function sinceEntry(ms: number): string {
  if (Math.abs(ms) < 1000) return words.atEntry;
  return say(ms < 0 ? words.beforeEntry : words.afterEntry, { time: formatDuration(Math.abs(ms)) });
}

/** The test of a leaf in words: "at least 80". */
export function testText(operator: string, value: Json | undefined): string {
  const operators: Readonly<Record<string, string>> = words.operators;
  if (operator === "exists") return value === false ? words.missing : words.present;
  const text = isObject(value) && periodMs(value) > 0 ? formatDuration(periodMs(value)) : valueText(value);
  return say(operators[operator] ?? `${operator} {value}`, { value: text });
}
