import words from "#words/live";
import type { Schemas } from "../../../api";
import { formatRate } from "../../../format";
import { kindOf, nameOf } from "../../../graph/describe";
import { Tile } from "../../../graph/tile";
import type { GraphNode } from "../../../graph/types";
import { href } from "../../../route";
import { IconButton, LinkButton } from "../../../ui/button";
import { Branches } from "./branches";
import { Feedback } from "./feedback";
import type { Step, VersionFigures } from "./figures";
import { Count, FigureHead, resultWord, SumRow, SumTotal } from "./parts";

interface StepPanelProps {
  node: GraphNode;
  step: Step;
  version: VersionFigures;
  journey: Schemas["Journey"] | undefined;
  onClose: () => void;
}

/** The figures of the chosen step, and the way to its people. */
export function StepPanel({ node, step, version, journey, onClose }: StepPanelProps) {
  const look = kindOf(node);
  return (
    <>
      <div className="panel-head">
        <Tile of={look} />
        <div className="col grow">
          <h2 className="semi cut">{nameOf(node)}</h2>
          <span className="t2 dim">{look.word}</span>
        </div>
        <IconButton icon="close" label={words.close} onClick={onClose} />
      </div>
      <section className="sec sec--tight">
        <StepSum step={step} />
        {journey && <PeopleLinks step={step} journey={journey.id} version={version.number} />}
      </section>
      {step.branches && (
        <section className="sec sec--tight">
          <h3 className="sec-title">{words.ways}</h3>
          <Branches step={step} version={version} />
        </section>
      )}
      <Results step={step} />
      <Feedback step={step} />
    </>
  );
}

function StepSum({ step }: { step: Step }) {
  const { entered, completed, active, dropped, failed, converted, nodeType } = step;
  return (
    <div className="sum">
      {nodeType !== "exit" && (
        <SumRow part="inside" n={active} whole={entered}>
          {words.hereRow}
        </SumRow>
      )}
      <SumRow part="finished" n={completed} whole={entered}>
        {nodeType === "exit" ? words.finishedHere : words.wentOn}
      </SumRow>
      <SumRow part="left" n={dropped} whole={entered}>
        {words.droppedHere}
      </SumRow>
      <SumRow part="failed" n={failed} whole={entered}>
        {words.failed}
      </SumRow>
      <SumTotal n={entered}>{words.entered}</SumTotal>
      {converted > 0 && (
        <div className="sum-row">
          <span />
          <span>{words.convertedAfter}</span>
          <span className="num">
            <Count n={converted} />
          </span>
          <span className="num dim t2 live-rate">{formatRate(converted, entered)}</span>
        </div>
      )}
    </div>
  );
}

function PeopleLinks({ step, journey, version }: { step: Step; journey: string; version: number | null }) {
  const link = (status?: string) =>
    href({ name: "people", journey }, { step: step.nodeId, status, version: version?.toString() });
  return (
    <div className="row live-links">
      {step.active > 0 && (
        <LinkButton small icon="people" href={link()}>
          {words.seeHere}
        </LinkButton>
      )}
      {step.failed > 0 && (
        <LinkButton small icon="alert" look="bad" href={link("failed")}>
          {words.seeFailed}
        </LinkButton>
      )}
    </div>
  );
}

function Results({ step }: { step: Step }) {
  const results = Object.entries(step.results);
  if (results.length === 0 || step.branches || step.nodeType === "exit" || step.nodeType === "entry_trigger")
    return null;
  return (
    <section className="sec sec--tight">
      <table className="table table--dense table--flush">
        <FigureHead names={[words.result]} figures={[words.peopleColumn]} />
        <tbody>
          {results.map(([result, n]) => (
            <tr key={result}>
              <td title={result}>{resultWord(result)}</td>
              <td className="num">
                <Count n={n} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
