import words from "#words/versions";
import { type Leaves, settingLeaves } from "../../../graph/leaves";
import type { Work } from "../../../graph/types";
import type { Json } from "../../../json";
import { say } from "../../../say";
import { When } from "./list";
import type { Version } from "./use-versions";

/** One version: when it was made, and its settings. The graph shows the rest. */
export function About({ work, version }: { work: Work; version: Version | undefined }) {
  return (
    <section className="sec">
      <dl className="facts">
        {version && (
          <>
            <dt>{words.made}</dt>
            <dd>
              <When at={version.createdAt} by={version.createdBy?.name ?? ""} />
            </dd>
            <dt>{words.insideNow}</dt>
            <dd>{say(words.inside, { n: version.inside })}</dd>
          </>
        )}
        <dt>{words.stepsRow}</dt>
        <dd>{say(words.steps, { n: work.definition.nodes.length })}</dd>
        <dt>{words.zone}</dt>
        <dd>{work.timezone}</dd>
        <dt>{words.goal}</dt>
        <dd>{settingText("goal", work.goal)}</dd>
        <dt>{words.exits}</dt>
        <dd>{settingText("exitOn", work.exitOn)}</dd>
        <dt>{words.exitWhen}</dt>
        <dd>{settingText("exitWhen", work.exitWhen)}</dd>
      </dl>
    </section>
  );
}

function settingText(name: string, value: Json): string {
  const leaves: Leaves = settingLeaves(name, value);
  return [...leaves.values()].map((leaf) => leaf.text).join(", ") || words.noneSet;
}
