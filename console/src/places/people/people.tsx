import { lazy, Suspense, useMemo, useState } from "react";
import words from "#words/people";
import { useTitle } from "../../frame";
import { useKeys } from "../../keys";
import { hasStatus } from "../../problem";
import { useAnalytics, useJourney } from "../../queries";
import { go, href, replaceQuery, useRoute } from "../../route";
import { say } from "../../say";
import { session } from "../../session";
import { useStore } from "../../store";
import { LinkButton } from "../../ui/button";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { ModeBar } from "../graph/bar";
import { BulkBand } from "./bulk-bar";
import { FilterBar, searchId } from "./filter-bar";
import { peopleKeys } from "./keys";
import { PeopleList } from "./list";
import { Person } from "./person";
import { useBulk } from "./use-bulk";
import { readFilter, writeFilter } from "./use-people";
import "../../style/graph.css";
import "../../style/people.css";

const Enroll = lazy(() => import("./enroll"));
const WayGraph = lazy(() => import("./way-graph"));

interface PlaceProps {
  id: string;
  customer?: string | undefined;
}

/** The people of a journey: who is where, who failed, and the way of each. */
export default function People(props: PlaceProps) {
  const who = useStore(session);
  return who?.role === "viewer" ? <FiguresOnly id={props.id} /> : <PeopleOf {...props} />;
}

/** What a viewer sees who was sent here: people are personal. */
function FiguresOnly({ id }: { id: string }) {
  useTitle(words.title);
  return (
    <main id="main">
      <Empty title={words.figuresOnly}>
        <LinkButton href={href({ name: "graph", journey: id, mode: "live" })}>{words.toFigures}</LinkButton>
      </Empty>
    </main>
  );
}

function PeopleOf({ id, customer }: PlaceProps) {
  const { query } = useRoute();
  const filter = useMemo(() => readFilter(query), [query]);
  const journey = useJourney(id);
  const figures = useAnalytics(id, 10_000);
  const bulk = useBulk(id);
  const [enrolling, setEnrolling] = useState(query.has("enroll"));
  const onGraph = customer !== undefined && query.get("on") === "graph";
  const data = journey.data?.data;
  useTitle(data ? say(words.titleOf, { name: data.name }) : words.title);
  useKeys(peopleKeys, {
    find: () => document.getElementById(searchId)?.focus(),
    close: () => (customer === undefined ? false : go({ name: "people", journey: id }, writeFilter(filter))),
  });

  const closeEnroll = () => {
    setEnrolling(false);
    if (query.has("enroll")) replaceQuery({ enroll: undefined });
  };
  if (journey.isError) return <Gone error={journey.error} retry={() => void journey.refetch()} />;
  return (
    <div className="app">
      <ModeBar id={id} mode="live" {...(data && { name: data.name, status: data.status })} />
      <FilterBar
        id={id}
        filter={filter}
        journey={data}
        figures={figures.data?.data}
        enroll={() => setEnrolling(true)}
      />
      <main id="main" className={customer === undefined ? "work" : "work work--people people-both"} tabIndex={-1}>
        <div className={onGraph ? "people-left people-left--graph" : "people-left"}>
          {bulk.progress && <BulkBand progress={bulk.progress} stop={bulk.stop} close={bulk.close} />}
          {onGraph && (
            <Suspense fallback={<Skeleton />}>
              <WayGraph id={id} customer={customer} filter={filter} />
            </Suspense>
          )}
          {data === undefined ? (
            <Skeleton />
          ) : (
            <PeopleList
              key={JSON.stringify(filter)}
              id={id}
              filter={filter}
              journey={data}
              figures={figures.data?.data}
              chosen={customer}
              hidden={onGraph}
              bulk={bulk}
              enroll={() => setEnrolling(true)}
            />
          )}
        </div>
        {customer !== undefined && (
          <Person
            key={customer}
            id={id}
            customer={customer}
            filter={filter}
            status={data?.status}
            reentry={data?.reentry?.mode === "afterExit"}
            onGraph={onGraph}
          />
        )}
      </main>
      {enrolling && data && (
        <Suspense>
          <Enroll journey={data} onClose={closeEnroll} />
        </Suspense>
      )}
    </div>
  );
}

/** A journey that cannot be shown, most often because it was deleted. */
function Gone({ error, retry }: { error: unknown; retry: () => void }) {
  const deleted = hasStatus(error, 404);
  return (
    <main id="main" className="center">
      {deleted ? (
        <Empty title={words.deleted}>
          <LinkButton href={href({ name: "journeys" })}>{words.toJourneys}</LinkButton>
        </Empty>
      ) : (
        <Failure error={error} retry={retry} />
      )}
    </main>
  );
}
