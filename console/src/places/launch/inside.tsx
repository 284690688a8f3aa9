import words from "#words/launch";
import type { Schemas } from "../../api";
import { useAnalytics } from "../../queries";
import { href } from "../../route";
import { rich, say } from "../../say";
import { LinkButton } from "../../ui/button";
import { Item } from "./item";

interface InsideProps {
  id: string;
  /** The version that newcomers take. */
  next: number;
  current: number;
  versions: Schemas["VersionSummary"][] | undefined;
}

/** What becomes of those who are inside: they keep their version. */
export function Inside({ id, next, current, versions }: InsideProps) {
  const failed = useAnalytics(id).data?.data.enrollments.failed ?? 0;
  const inside = (versions ?? []).filter((version) => version.inside > 0);
  return (
    <Item
      tone="info"
      icon="people"
      title={inside.length === 0 && versions ? words.noneInside : words.insideStay}
      action={
        <LinkButton small href={href({ name: "people", journey: id })}>
          {words.people}
        </LinkButton>
      }
    >
      <p className="dim">
        {inside.map(({ version, inside: n }, i) => (
          <span key={version}>
            {i > 0 && ", "}
            {rich(i === 0 ? words.goOn : words.goOnToo, {
              n: <b className="med">{say("{n}", { n })}</b>,
              version: String(version),
            })}
          </span>
        ))}
        {inside.length > 0 && ". "}
        {next !== current && say(words.newcomers, { n: String(next) })}{" "}
        {failed > 0 && say(words.failedStay, { n: failed })}
      </p>
    </Item>
  );
}
