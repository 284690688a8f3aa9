import { useEffect, useMemo, useRef, useState } from "react";
import words from "#words/people";
import type { Schemas } from "../../api";
import { formatClock } from "../../format";
import { readGraph } from "../../graph/types";
import { say } from "../../say";
import { Button, IconButton } from "../../ui/button";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { BulkFoot } from "./bulk-bar";
import { Table } from "./table";
import type { Bulk } from "./use-bulk";
import { countsOf, type Entry, type Filter, usePeople } from "./use-people";
import { reasonText } from "./words-of";

interface ListProps {
  id: string;
  filter: Filter;
  journey: Schemas["Journey"];
  figures: Schemas["Analytics"] | undefined;
  /** Whose way is shown beside the list. */
  chosen: string | undefined;
  /** Whether the graph stands in its place. An action goes on meanwhile. */
  hidden: boolean;
  bulk: Bulk;
  enroll: () => void;
}

/** What was chosen: some, or all of the filter. */
export type Choice = { all: true } | { all: false; ids: ReadonlySet<string> };
const none: Choice = { all: false, ids: new Set() };

/** The people of a filter as a table, with what can be done with several of them. */
export function PeopleList({ id, filter, journey, figures, chosen, hidden, bulk, enroll }: ListProps) {
  const people = usePeople(id, filter, true);
  const [reason, setReason] = useState<string | null>(null);
  const [choice, setChoice] = useState<Choice>(none);
  const nodes = useMemo(() => new Map(readGraph(journey.definition).nodes.map((n) => [n.id, n])), [journey]);
  const all = people.data?.entries ?? [];
  const shown = reason === null ? all : all.filter((entry) => reasonText(entry.exitReason) === reason);
  const counts = countsOf(figures, filter, journey.version);
  const count = filter.status === "failed" ? counts?.failed : counts?.active;
  const complete = people.data !== undefined && !people.hasNextPage;
  const total = complete ? all.length : Math.max(count ?? 0, all.length);
  // Actions cannot select by result or reason, so "all" means the rows that are shown.
  const byFilter = filter.result === "" && reason === null;
  const chooseAll = () =>
    setChoice(byFilter ? { all: true } : { all: false, ids: new Set(shown.map((entry) => entry.customerId)) });
  // Otherwise rows that the reason filters out would remain selected.
  const chooseReason = (next: string | null) => {
    setReason(next);
    setChoice(none);
  };
  const chosenEntries = choice.all ? shown : shown.filter((entry) => choice.ids.has(entry.customerId));
  const n = choice.all ? total : chosenEntries.length;
  useFreshCounts(people.data?.entries.length, count, () => void people.refetch());

  if (people.isError) {
    return (
      <div className="people-pad">
        <Failure error={people.error} retry={() => void people.refetch()} />
      </div>
    );
  }
  if (people.data === undefined) return <Skeleton rows={8} />;
  const start = (action: "retry" | "remove") =>
    void bulk.start(action, choice.all ? { all: true, total, shown } : { all: false, entries: chosenEntries }, filter);
  return (
    <div className="col people-list" hidden={hidden}>
      {all.length === 0 && bulk.progress === null ? (
        <NoPeople
          filter={filter}
          journey={journey}
          more={people.hasNextPage}
          next={() => void people.fetchNextPage()}
          enroll={enroll}
        />
      ) : (
        <div className="scroll grow">
          <div className="people-pad">
            {filter.status === "failed" && <Reasons entries={all} value={reason} onChange={chooseReason} />}
            <Table
              id={id}
              filter={filter}
              entries={shown}
              nodes={nodes}
              choice={choice}
              setChoice={setChoice}
              chooseAll={chooseAll}
              total={byFilter ? total : shown.length}
              open={chosen}
              progress={bulk.progress}
            />
            <div className="row t2 dim people-more">
              <span>{say(words.shown, { n: shown.length, total, time: formatClock(people.data.asOf) })}</span>
              {people.hasNextPage && (
                <Button
                  small
                  onClick={() => void people.fetchNextPage()}
                  waits={people.isFetchingNextPage ? words.loading : undefined}
                >
                  {words.more}
                </Button>
              )}
              <IconButton small icon="refresh" label={words.refresh} onClick={() => void people.refetch()} />
            </div>
          </div>
        </div>
      )}
      {all.length > 0 && (
        <BulkFoot
          n={n}
          filter={filter}
          status={journey.status}
          reentry={journey.reentry?.mode === "afterExit"}
          running={bulk.progress?.state === "running" || bulk.progress?.state === "stopping"}
          chooseAll={chooseAll}
          chooseNone={() => setChoice(none)}
          act={(action) => {
            start(action);
            setChoice(none);
          }}
          allOf={byFilter ? total : shown.length}
        />
      )}
    </div>
  );
}

/** Reads the list again when the figures say that people came to an empty one. */
function useFreshCounts(listed: number | undefined, counted: number | undefined, refetch: () => void) {
  const last = useRef(counted);
  useEffect(() => {
    if (listed === 0 && counted !== last.current && (counted ?? 0) > 0) refetch();
    last.current = counted;
  });
}

/** The reasons for which people failed, of those who are shown, as a filter. */
function Reasons({
  entries,
  value,
  onChange,
}: {
  entries: readonly Entry[];
  value: string | null;
  onChange: (r: string | null) => void;
}) {
  const groups = new Map<string, number>();
  for (const entry of entries) {
    const text = reasonText(entry.exitReason);
    groups.set(text, (groups.get(text) ?? 0) + 1);
  }
  return (
    <div className="row people-why" role="group" aria-label={words.why}>
      <span className="label">{words.why}</span>
      <button type="button" className="btn btn--s" aria-pressed={value === null} onClick={() => onChange(null)}>
        {words.all} <span>{say("{n}", { n: entries.length })}</span>
      </button>
      {[...groups]
        .sort((a, b) => b[1] - a[1])
        .map(([text, n]) => (
          <button
            key={text}
            type="button"
            className="btn btn--s"
            aria-pressed={value === text}
            onClick={() => onChange(value === text ? null : text)}
          >
            {text} <span className="dim">{say("{n}", { n })}</span>
          </button>
        ))}
    </div>
  );
}

interface NoPeopleProps {
  filter: Filter;
  journey: Schemas["Journey"];
  more: boolean;
  next: () => void;
  enroll: () => void;
}

/** No one matches: what that means, and what to do next. */
function NoPeople({ filter, journey, more, next, enroll }: NoPeopleProps) {
  if (more) {
    return (
      <Empty title={words.noneSoFar}>
        <Button onClick={next}>{words.more}</Button>
      </Empty>
    );
  }
  if (filter.status === "failed") {
    return (
      <Empty title={words.noneFailed}>
        <p className="dim">{words.noneFailedDetail}</p>
      </Empty>
    );
  }
  return (
    <Empty title={filter.step === "" ? words.noneInside : words.noneHere}>
      {filter.step === "" && journey.status === "active" && (
        <>
          <p className="dim">{words.noneInsideDetail}</p>
          <Button look="primary" icon="plus" onClick={enroll}>
            {words.enroll}
          </Button>
        </>
      )}
      {filter.step === "" && journey.status === "draft" && <p className="dim">{words.noneInsideDraft}</p>}
    </Empty>
  );
}
