// The way of a persona on the graph.
import { createElement, type ReactNode } from "react";
import words from "#words/simulate";
import { kindOf } from "../../../graph/describe";
import type { LineOverlay, Overlay, StepOverlay } from "../../../graph/overlay";
import type { Graph } from "../../../graph/types";
import { say } from "../../../say";
import { bySource, type Coverage, lineTaken, type Result } from "./coverage";
import { momentText, resultText, shortText } from "./words-of";

type Place = "been" | "now" | "ahead" | "other" | "untaken";
const stepClass: Record<Place, string> = {
  been: "is-done",
  now: "is-now",
  ahead: "is-ahead",
  other: "is-dim",
  untaken: "is-untaken",
};
const lineClasses = {
  been: { className: "edge--done" },
  ahead: { className: "edge--ahead" },
  untaken: { className: "edge--untaken" },
} satisfies Record<string, LineOverlay>;

/** Returns the overlay for each place of the playhead. What does not change from one to the next is the same object. */
export function overlaysOf(
  graph: Graph,
  result: Result | undefined,
  coverage: Coverage,
  faults: ReadonlyMap<string, number>,
): (stop: number) => Overlay {
  const steps = new Map(result?.trace.map((step, i) => [step.nodeId, i]));
  const sources = bySource(coverage.lines);
  const taken = new Map(
    result?.trace.flatMap((step, i) => {
      const line = lineTaken(step, sources);
      return line ? [[line.key, i] as const] : [];
    }),
  );
  const made = new Map<string, StepOverlay>();
  const overlayOf = (id: string, place: Place): StepOverlay => {
    const key = `${place} ${id}`;
    const overlay = made.get(key) ?? stepOverlay(graph, result, steps.get(id), id, place, faults.get(id) ?? 0);
    made.set(key, overlay);
    return overlay;
  };
  return (stop) => ({
    steps: new Map(
      graph.nodes.map(({ id }) => [id, overlayOf(id, placeOfStep(steps.get(id), stop, coverage.visited.has(id)))]),
    ),
    lines: new Map(
      coverage.lines.flatMap(({ key }) => {
        const at = taken.get(key);
        if (at !== undefined) return [[key, at < stop ? lineClasses.been : lineClasses.ahead] as const];
        return coverage.taken.has(key) ? [] : [[key, lineClasses.untaken] as const];
      }),
    ),
  });
}

const span = (className: string, ...children: ReactNode[]) => createElement("span", { className }, ...children);

function placeOfStep(at: number | undefined, stop: number, visited: boolean): Place {
  if (at === undefined) return visited ? "other" : "untaken";
  if (at === stop) return "now";
  return at < stop ? "been" : "ahead";
}

function stepOverlay(
  graph: Graph,
  result: Result | undefined,
  at: number | undefined,
  id: string,
  place: Place,
  faults: number,
): StepOverlay {
  const overlay: StepOverlay = { className: stepClass[place], says: words.places[place] };
  if (faults > 0) {
    overlay.badge = { tone: "bad", icon: "bang", text: String(faults) };
    overlay.says = `${words.places[place]}, ${say(words.faults, { n: faults })}`;
  }
  const step = at === undefined ? undefined : result?.trace[at];
  const node = graph.nodes.find((n) => n.id === id);
  if (step === undefined || node === undefined) return overlay;
  const word = resultText(step, node);
  overlay.end = span("node-time", shortText(step.at, Date.parse(result?.trace[0]?.at ?? step.at)));
  if (step.nodeType === "exit") overlay.line = "";
  else if (step.nodeType !== "entry_trigger") {
    overlay.line = span("node-sub", createElement("b", null, kindOf(node).word), ` · ${word}`);
  }
  overlay.says = [words.places[place], momentText(step.at), word].join(", ");
  return overlay;
}
