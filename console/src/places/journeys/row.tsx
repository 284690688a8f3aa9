import words from "#words/journeys";
import { formatAgo, formatNumber, formatRate, formatTime } from "../../format";
import { href } from "../../route";
import { say } from "../../say";
import { session } from "../../session";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Menu } from "../../ui/menu";
import { Failure } from "../../ui/states";
import { partsOf, Sharebar, StatusWord } from "../../ui/status";
import type { Row, Summary } from "./list";
import { Figure, type RowState } from "./table";
import type { Verb } from "./verbs";

interface RowProps {
  row: Row;
  /** Show when it was created instead of when it was changed. */
  byCreation: boolean;
  isEditor: boolean;
  state: RowState | undefined;
  run: (verb: Verb) => void;
  ask: (verb: "archive" | "delete") => void;
  dismiss: () => void;
}

/** A journey, its figures, and its verbs. */
export function JourneyRow({ row, byCreation, isEditor, state, run, ask, dismiss }: RowProps) {
  const counts = row.figures?.enrollments;
  const launched = row.status !== "draft";
  const mode = isEditor && !launched ? "build" : "live";
  const busy = state?.error === undefined ? state?.text : undefined;
  return (
    <>
      <tr aria-busy={busy !== undefined}>
        <td className="name">
          <a href={href({ name: "graph", journey: row.id, mode })} className="med" data-row={row.id}>
            {row.name}
          </a>
          {row.summary && <div className="t2 dim">{entryOf(row.summary, launched)}</div>}
          <div className="only-phone">
            <StatusWord status={row.status} />
          </div>
        </td>
        <td className="only-wide">
          <StatusWord status={row.status} />
          <div className="t2 dim under" role="status">
            {busy ?? (row.summary && launched ? say(words.version, { n: row.summary.version }) : "")}
          </div>
        </td>
        <td className="num">
          <Figure n={launched ? counts?.active : undefined} />
        </td>
        <td className="num">
          <Failed row={row} n={launched ? counts?.failed : undefined} isEditor={isEditor} />
        </td>
        <td className="only-wide where">
          <Where row={row} />
        </td>
        <td className="num only-wide">
          <Figure n={launched ? counts?.total : undefined} />
        </td>
        <td className="num only-wide">
          <Converted row={row} />
        </td>
        {isEditor && (
          <>
            <td className="nowrap only-wide">
              {row.summary && <When summary={row.summary} byCreation={byCreation} />}
            </td>
            <td className="verbs">
              <Menu
                label={say(words.more, { name: row.name })}
                className="btn btn--icon btn--quiet btn--s"
                items={async () => (await import("./row-menu")).menuOf(row, session.get()?.role, { run, ask })}
              >
                <Icon name="more" />
              </Menu>
            </td>
          </>
        )}
      </tr>
      {state?.error !== undefined && (
        <tr>
          <td colSpan={9}>
            <Failure error={state.error} title={state.text} retry={() => run(state.verb)}>
              <Button look="quiet" onClick={dismiss}>
                {words.dismiss}
              </Button>
            </Failure>
          </td>
        </tr>
      )}
    </>
  );
}

function entryOf({ nodeCount, entryCondition }: Summary, launched: boolean): string {
  // The steps of a journey that was never launched stand in its draft, which is not counted.
  if (nodeCount === 0 && (launched || !entryCondition?.event)) return launched ? words.noSteps : "";
  return entryCondition?.event ? say(words.startsWith, { event: entryCondition.event }) : words.fromList;
}

function Failed({ row, n, isEditor }: { row: Row; n: number | undefined; isEditor: boolean }) {
  if (!n) return <Figure n={n} />;
  if (!isEditor) return <span className="bad semi">{formatNumber(n)}</span>;
  return (
    <a
      className="bad semi"
      href={href({ name: "people", journey: row.id }, { status: "failed" })}
      aria-label={say(words.failedIn, { n, name: row.name })}
    >
      {formatNumber(n)}
    </a>
  );
}

function Where({ row: { status, figures } }: { row: Row }) {
  const counts = figures?.enrollments;
  if (status === "draft") return <span className="t2 dimmer">{words.notLaunched}</span>;
  if (counts === null) return <span className="t2 warn">{words.unreadable}</span>;
  if (counts === undefined) return null;
  if (counts.total === 0) return <span className="t2 dimmer">{words.nobodyYet}</span>;
  const parts = Object.fromEntries(partsOf(counts).map(({ part, n }) => [part, n]));
  const text = say(words.where, parts);
  return (
    <span role="img" aria-label={text} title={text}>
      <Sharebar counts={counts} />
    </span>
  );
}

function Converted({ row: { status, figures } }: { row: Row }) {
  const counts = figures?.enrollments;
  const n = figures?.conversions;
  if (status === "draft" || !counts || n === null || n === undefined) return <Figure n={undefined} />;
  if (n === 0) return <Figure n={0} />;
  return (
    <>
      {formatRate(n, counts.total)}
      <div className="t2 dim">{formatNumber(n)}</div>
    </>
  );
}

function When({ summary, byCreation }: { summary: Summary; byCreation: boolean }) {
  const at = byCreation ? summary.createdAt : summary.updatedAt;
  const by = byCreation ? summary.createdBy : summary.updatedBy;
  return (
    <>
      <time dateTime={at} title={formatTime(at)}>
        {formatAgo(at)}
      </time>
      {by && <div className="t2 dim cut author">{by.name ?? by.sub}</div>}
    </>
  );
}
