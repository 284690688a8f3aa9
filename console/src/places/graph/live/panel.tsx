import words from "#words/live";
import type { Schemas } from "../../../api";
import { formatNumber, formatRate } from "../../../format";
import { isObject, numberOf } from "../../../json";
import { href } from "../../../route";
import { say } from "../../../say";
import { Sharebar } from "../../../ui/status";
import { Branches } from "./branches";
import { Days } from "./days";
import type { Analytics, Counts, VersionFigures } from "./figures";
import { Messages } from "./messages";
import { SumRow, SumTotal } from "./parts";
import { Start } from "./start";

type Journey = Schemas["Journey"];

interface PanelProps {
  figures: Analytics;
  version: VersionFigures;
  title: string;
  several: boolean;
  journey: Journey | undefined;
}

/** The figures of a version, and the days of all of them. */
export function Panel({ figures, version, title, several, journey }: PanelProps) {
  const { counts } = version;
  return (
    <>
      {counts.entered === 0 && version.number === null && (
        <Start figures={figures} journey={journey} several={several} />
      )}
      <section className="sec sec--tight">
        <h2 className="sec-title">{title}</h2>
        <Sum counts={counts} journey={journey} version={version.number} figures={several ? undefined : figures} />
      </section>
      <Conversions version={version} journey={journey} />
      {counts.entered > 0 && <Days figures={figures} several={several} />}
      <Messages version={version} />
    </>
  );
}

interface SumProps {
  counts: Counts;
  journey: Journey | undefined;
  version: number | null;
  /** Absent for one of several versions. */
  figures: Analytics | undefined;
}

function Sum({ counts, journey, version, figures }: SumProps) {
  const { inside, finished, left, failed, entered } = counts;
  const bar = { total: entered, active: inside, completed: finished, expired: 0, cancelled: left, failed };
  const detail =
    left > 0 && figures
      ? say(words.leftDetail, { expired: figures.enrollments.expired, cancelled: figures.enrollments.cancelled })
      : undefined;
  const query = { status: "failed", version: version?.toString() };
  return (
    <>
      <Sharebar counts={bar} />
      <div className="sum">
        <SumRow part="inside" n={inside} whole={entered}>
          {words.insideRow}
        </SumRow>
        <SumRow part="finished" n={finished} whole={entered}>
          {words.finished}
        </SumRow>
        <SumRow part="left" n={left} whole={entered}>
          <span title={detail}>{words.left}</span>
        </SumRow>
        <SumRow part="failed" n={failed} whole={entered}>
          {failed > 0 && journey ? (
            <a className="link bad" href={href({ name: "people", journey: journey.id }, query)}>
              {words.failedLink}
            </a>
          ) : (
            words.failed
          )}
        </SumRow>
        <SumTotal n={entered}>{words.entered}</SumTotal>
      </div>
      {detail && <p className="help">{detail}</p>}
    </>
  );
}

/** How many reached the goal. Without a goal there is nothing to say. */
function Conversions({ version, journey }: { version: VersionFigures; journey: Journey | undefined }) {
  const { entered, converted } = version.counts;
  const goal = version.number === null ? journey?.goal : undefined;
  if (entered === 0 || (converted === 0 && !goal)) return null;
  const splits = [...version.steps.values()].filter(({ nodeType }) => nodeType === "random_split");
  return (
    <section className="sec sec--tight">
      <h2 className="sec-title">
        <span className="grow">
          {words.converted} <span className="dim live-plain">{goal && goalText(goal)}</span>
        </span>
        <span>{formatNumber(converted)}</span>
        <span className="dim t2 med live-rate num">{formatRate(converted, entered)}</span>
      </h2>
      {splits.map((step) => (
        <Branches key={step.nodeId} step={step} version={version} />
      ))}
    </section>
  );
}

function goalText(goal: unknown): string {
  if (!isObject(goal)) return "";
  const event = String(goal["eventType"]);
  const days = numberOf(goal["windowDays"]);
  return days === 0 ? say(words.goalInside, { event }) : say(words.goal, { event, days: say(words.days, { n: days }) });
}
