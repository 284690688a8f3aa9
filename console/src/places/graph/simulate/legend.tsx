import { useState } from "react";
import words from "#words/simulate";
import { href } from "../../../route";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Band } from "../../../ui/states";
import type { Run } from "./use-runs";

const kinds = [
  ["edge--done", words.been],
  ["edge--ahead", words.ahead],
  ["edge--untaken", words.nobody],
] as const;

/** What the lines mean. */
export function Legend() {
  return (
    <div className="row t2 dim legend" role="group" aria-label={words.legend}>
      {kinds.map(([kind, word]) => (
        <span key={kind} className="row row--1">
          <svg width="20" height="4" aria-hidden="true">
            <path className={`edge ${kind}`} d="M0 2H20" />
          </svg>
          {word}
        </span>
      ))}
    </div>
  );
}

/** Faults and warnings of the graph, as the simulation reports them. */
export function Findings({ runs, journeyId }: { runs: readonly Run[]; journeyId: string }) {
  const [open, setOpen] = useState(false);
  const result = runs.find((run) => run.result)?.result;
  const faults = result?.faults ?? [];
  const warnings = result?.warnings ?? [];
  if (faults.length + warnings.length === 0) return null;
  const text =
    faults.length > 0 ? say(words.hasFaults, { n: faults.length }) : say(words.hasWarnings, { n: warnings.length });
  return (
    <>
      <Band tone="warn" icon="warning">
        <span className="grow">{text}</span>
        <Button small look="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          {words.showFaults}
        </Button>
        <a href={href({ name: "graph", journey: journeyId, mode: "build" })}>{words.toBuild}</a>
      </Band>
      {open && (
        <ul className="sec sec--tight findings scroll">
          {[...faults, ...warnings].map(({ pointer, detail }) => (
            <li key={`${pointer} ${detail}`}>
              {detail} <code className="dimmer">{pointer}</code>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
