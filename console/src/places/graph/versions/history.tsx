import words from "#words/versions";
import type { Schemas } from "../../../api";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Failure, Skeleton } from "../../../ui/states";
import { When } from "./list";
import { type Entry, useHistory } from "./use-versions";

/** Who did what to the journey, newest first. */
export function History({ journey }: { journey: Schemas["Journey"] }) {
  const history = useHistory(journey.id, journey.updatedAt);
  const entries = history.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <section className="sec ver-history" aria-labelledby="ver-history">
      <h3 className="sec-title" id="ver-history">
        {words.history}
      </h3>
      {history.isPending && <Skeleton rows={3} />}
      {history.error && <Failure error={history.error} retry={() => void history.refetch()} />}
      <ol className="col gap-3">
        {entries.map((entry, i) => (
          <li key={`${entry.at} ${i}`} className="col">
            <span>
              <span className="med">{entry.by?.name ?? entry.by?.sub ?? words.unknownName}</span> {sentenceOf(entry)}
            </span>
            <When at={entry.at} by={say(words.lower, { n: entry.version })} />
          </li>
        ))}
      </ol>
      {history.hasNextPage && (
        <Button small look="quiet" onClick={() => void history.fetchNextPage()}>
          {words.olderHistory}
        </Button>
      )}
    </section>
  );
}

function sentenceOf({ actions, fields }: Entry): string {
  const known: Readonly<Record<string, string>> = words.fields;
  const names = fields.map((field) => (Object.hasOwn(known, field) ? (known[field] ?? field) : field));
  const what = { fields: names.join(", ") || words.nothingElse };
  return actions.map((action) => say(words.actions[action], what)).join("; ");
}
