import { lazy, Suspense, useState } from "react";
import words from "#words/journeys";
import { formatClock, formatNumber, formatUTC } from "../../format";
import { replaceQuery } from "../../route";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Failure } from "../../ui/states";
import type { Filter, List, Row, Sort } from "./list";
import { JourneyRow } from "./row";
import type { Verb } from "./verbs";

const Ask = lazy(() => import("./ask"));

/** What happens, or went wrong, in one row. */
export interface RowState {
  verb: Verb;
  /** What is said while it is done, or why it was not. */
  text: string;
  error: unknown;
}

interface RowsProps {
  filter: Filter;
  list: List;
  rows: Row[];
  isEditor: boolean;
}

/** The journeys as a table, with their verbs. */
export function Rows({ filter, list, rows, isEditor }: RowsProps) {
  const [states, setStates] = useState<Record<string, RowState>>({});
  const [asked, ask] = useState<{ verb: "archive" | "delete"; row: Row }>();
  const change = (id: string, next: RowState | undefined) =>
    setStates((now) => {
      const { [id]: _, ...others } = now;
      return next ? { ...others, [id]: next } : others;
    });
  const run = async (verb: Verb, row: Row) => {
    const { act, sayings } = await import("./verbs");
    const { doing, could } = sayings[verb];
    change(row.id, { verb, text: doing, error: undefined });
    try {
      await act(verb, row);
      change(row.id, undefined);
    } catch (error) {
      change(row.id, { verb, text: say(could, { name: row.name }), error });
    }
  };
  return (
    <>
      {list.figuresError !== null && <Failure error={list.figuresError} title={words.noFigures} retry={list.retry} />}
      <div className={list.isOld ? "card journeys is-old" : "card journeys"} aria-busy={list.isOld}>
        <table className="table table--rows">
          <Head sort={filter.sort} isEditor={isEditor} />
          <tbody>
            {rows.map((row) => (
              <JourneyRow
                key={row.id}
                row={row}
                byCreation={filter.sort.endsWith("created")}
                isEditor={isEditor}
                state={states[row.id]}
                run={(verb) => void run(verb, row)}
                ask={(verb) => ask({ verb, row })}
                dismiss={() => change(row.id, undefined)}
              />
            ))}
          </tbody>
        </table>
      </div>
      <Foot list={list} rows={rows} failed={filter.failed} />
      {asked && (
        <Suspense fallback={null}>
          <Ask {...asked} onClose={() => ask(undefined)} />
        </Suspense>
      )}
    </>
  );
}

/** The columns between the name and the time. */
const columns = [
  [words.colStatus, "only-wide"],
  [words.colInside, "num"],
  [words.colFailed, "num"],
  [words.colWhere, "only-wide where"],
  [words.colEntered, "num only-wide"],
  [words.colConverted, "num only-wide"],
] as const;

function Head({ sort, isEditor }: { sort: Sort; isEditor: boolean }) {
  const by = sort.replace("-", "");
  const order = (name: string) =>
    name === by ? ({ "aria-sort": sort.startsWith("-") ? "descending" : "ascending" } as const) : {};
  return (
    <thead>
      <tr>
        <th scope="col" {...order("name")}>
          <SortButton name="name" sort={sort} label={words.colName} />
        </th>
        {columns.map(([label, look]) => (
          <th key={label} scope="col" className={look}>
            {label}
          </th>
        ))}
        {isEditor && (
          <>
            <th scope="col" className="only-wide" {...(by === "created" ? order("created") : order("updated"))}>
              <span className="row row--3">
                <SortButton name="updated" sort={sort} label={words.colChanged} />
                <SortButton name="created" sort={sort} label={words.colCreated} />
              </span>
            </th>
            <th scope="col">
              <span className="sr">{words.colMore}</span>
            </th>
          </>
        )}
      </tr>
    </thead>
  );
}

/** Sorts by its column; again, the other way around. Times begin with the newest. */
function SortButton({ name, sort, label }: { name: "name" | "updated" | "created"; sort: Sort; label: string }) {
  const isChosen = sort.replace("-", "") === name;
  const first: Sort = name === "name" ? name : `-${name}`;
  const other: Sort = name === "name" ? "-name" : name;
  return (
    <button
      type="button"
      className={isChosen ? "th-sort is-chosen" : "th-sort"}
      onClick={() => replaceQuery({ sort: sort === first ? other : first })}
    >
      {label}
      {isChosen && <Icon small name={sort.startsWith("-") ? "chevron-down" : "chevron-up"} />}
    </button>
  );
}

function Foot({ list, rows, failed }: { list: List; rows: Row[]; failed: boolean }) {
  const asOf =
    rows
      .map(({ figures }) => figures?.asOf ?? "")
      .sort()
      .at(-1) ?? "";
  const to = list.from + rows.length;
  const values = { from: list.from + 1, to, n: list.total ?? to };
  const range = list.total === undefined ? say(words.rangeOpen, values) : say(words.range, values);
  return (
    <div className="row t2 dim foot">
      <span>
        {list.whole ? say(words.rangeAll, { from: rows.length, n: rows.length }) : failed ? words.searched : range}
      </span>
      {(list.previous || list.next) && (
        <span className="row">
          <Button small icon="chevron-left" disabled={!list.previous} onClick={list.previous}>
            {words.previous}
          </Button>
          <Button small icon="chevron-right" disabled={!list.next} onClick={list.next}>
            {failed ? words.further : words.next}
          </Button>
        </span>
      )}
      {asOf !== "" && (
        <time className="push" dateTime={asOf} title={formatUTC(asOf)}>
          {say(words.asOf, { time: formatClock(asOf) })}
        </time>
      )}
    </div>
  );
}

/** A figure as it stands in a column: zero is gray. */
export function Figure({ n }: { n: number | undefined }) {
  if (n === undefined) return <span className="dimmer">–</span>;
  return n === 0 ? <span className="dimmer">0</span> : formatNumber(n);
}
