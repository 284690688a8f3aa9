import words from "#words/people";
import type { Schemas } from "../../api";
import { formatDuration } from "../../duration";
import { formatClock, formatDay, formatUTC } from "../../format";
import { kindOf } from "../../graph/describe";
import { Tile } from "../../graph/tile";
import { readGraph } from "../../graph/types";
import { say } from "../../say";
import { reasonText, resultText, stepName } from "./words-of";

type Enrollment = Schemas["Enrollment"];

/** The steps that someone took, with times, results and the time between. */
export function WayList({ person, definition }: { person: Enrollment; definition: unknown }) {
  const nodes = new Map(readGraph(definition).nodes.map((node) => [node.id, node]));
  const last = person.path.length - 1;
  return (
    <ol className="way">
      {person.path.map((step, i) => {
        const node = nodes.get(step.nodeId) ?? { id: step.nodeId, type: step.nodeType };
        const look = kindOf(node);
        const next = person.path[i + 1];
        const took = next ? Date.parse(next.enteredAt) - Date.parse(step.enteredAt) : 0;
        const failed = i === last && person.status === "failed";
        const before = person.path[i - 1];
        const newDay = before === undefined || formatDay(before.enteredAt) !== formatDay(step.enteredAt);
        return (
          <li key={`${step.nodeId} ${step.enteredAt}`}>
            <Tile of={look} small title={look.word} />
            <span className="col">
              <span className="med">{stepName(step.nodeId, nodes)}</span>
              <span className={failed ? "t2 bad" : "t2 dim"}>
                {failed ? say(words.failedWith, { reason: reasonText(person.exitReason) }) : outcome(person, i, node)}
              </span>
              {step.feedback?.map(({ is, at }) => (
                <span className="t2 dim" key={is} title={formatUTC(at)}>
                  {say(words.reportedAt, { what: words.reported[is], time: timeBeside(at, step.enteredAt) })}
                </span>
              ))}
            </span>
            <span className="t2 dim num people-time" title={formatUTC(step.enteredAt)}>
              {newDay && i > 0 && `${formatDay(step.enteredAt)}, `}
              {formatClock(step.enteredAt)}
            </span>
            {took >= 60_000 && <span className="gap">{formatDuration(took)}</span>}
          </li>
        );
      })}
    </ol>
  );
}

/** When something was reported of a message, with the day if that is another one. */
function timeBeside(at: string, sent: string): string {
  const clock = formatClock(at);
  return formatDay(at) === formatDay(sent) ? clock : `${formatDay(at)}, ${clock}`;
}

function outcome(person: Enrollment, i: number, node: Parameters<typeof resultText>[1]): string {
  const result = person.path[i]?.result;
  if (result !== undefined) return resultText(result, node);
  return person.status === "active" ? words.isHere : words.leftHere;
}
