import { useState } from "react";
import words from "#words/build";
import { nameOf } from "../../../graph/describe";
import { nodeOf } from "../../../graph/edit";
import type { Graph } from "../../../graph/types";
import { say } from "../../../say";
import { Button, IconButton } from "../../../ui/button";
import { Icon } from "../../../ui/icon";
import type { Finding } from "./findings";

interface FindingsListProps {
  graph: Graph;
  findings: readonly Finding[];
  /** The chosen one. */
  current: Finding | null;
  onChoose: (finding: Finding) => void;
  onNext: () => void;
}

/** "2 faults, 1 warning". */
export function countFindings(findings: readonly Finding[]): string {
  const faults = findings.filter(({ tone }) => tone === "bad").length;
  const warnings = findings.length - faults;
  return [faults > 0 && say(words.faults, { n: faults }), warnings > 0 && say(words.warnings, { n: warnings })]
    .filter(Boolean)
    .join(", ");
}

/** The faults and warnings of the graph, below it. */
export function FindingsList({ graph, findings, current, onChoose, onNext }: FindingsListProps) {
  const [folded, setFolded] = useState(false);
  if (findings.length === 0) return null;
  const waits = findings.some(({ tone }) => tone === "bad");
  return (
    <section className="faults" aria-label={words.findings}>
      <div className="faults-head">
        <h2 className="semi">
          <span role="status">{countFindings(findings)}</span>
        </h2>
        {waits && <span className="dim t2">{words.launchWaits}</span>}
        <span className="push row">
          <Button look="quiet" small onClick={onNext}>
            {words.next} <kbd>F8</kbd>
          </Button>
          <IconButton
            icon={folded ? "chevron-up" : "chevron-down"}
            small
            label={folded ? words.unfold : words.fold}
            aria-expanded={!folded}
            onClick={() => setFolded(!folded)}
          />
        </span>
      </div>
      {!folded && (
        <ul className="scroll">
          {findings.map((finding, i) => (
            <li key={`${finding.nodeId} ${finding.pointer} ${i}`}>
              <button
                type="button"
                className={`fault fault--${finding.tone}`}
                aria-current={finding === current || undefined}
                onClick={() => onChoose(finding)}
              >
                <Icon name={finding.tone === "bad" ? "alert" : "warning"} />
                <span className="fault-step cut">{placeName(graph, finding)}</span>
                <span className="grow">{finding.text}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const settings: Record<string, string> = {
  entryCondition: words.partEntry,
  exitOn: words.partExits,
  exitWhen: words.partExits,
  goal: words.partGoal,
  timezone: words.partZone,
};

function placeName(graph: Graph, { nodeId, setting }: Finding): string {
  const node = nodeOf(graph, nodeId);
  return node ? nameOf(node) : (settings[setting] ?? words.journey);
}
