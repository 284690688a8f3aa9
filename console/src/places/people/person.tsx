import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import words from "#words/people";
import { api, call, pathId, type Schemas } from "../../api";
import { formatDuration } from "../../duration";
import { formatTime, formatUTC } from "../../format";
import { hasStatus } from "../../problem";
import { keys } from "../../queries";
import { href } from "../../route";
import { say } from "../../say";
import { Button, LinkButton } from "../../ui/button";
import { FaultLine } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { explain, Failure, Skeleton } from "../../ui/states";
import type { Status } from "../../ui/status";
import { AttributesSection } from "./attributes";
import type { Action } from "./bulk";
import { AskRemove, useFocusBack } from "./bulk-bar";
import { type Filter, useEnrollment, useVersion, writeFilter } from "./use-people";
import { WayList } from "./way";
import { exitText, reasonText, runText } from "./words-of";

interface PersonProps {
  id: string;
  customer: string;
  filter: Filter;
  status: Status | undefined;
  /** Whether people may come in again. */
  reentry: boolean;
  onGraph: boolean;
}

type Enrollment = Schemas["Enrollment"];

/** One person: where they are, by which way, and what can be done about it. */
export function Person({ id, customer, filter, status, reentry, onGraph }: PersonProps) {
  const enrollment = useEnrollment(id, customer);
  const person = enrollment.data;
  const version = useVersion(id, person?.version);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.focus(), []);
  const close = href({ name: "people", journey: id }, writeFilter(filter));
  return (
    <aside
      className="panel panel--end people-panel"
      aria-label={say(words.wayOf, { id: customer })}
      ref={panel}
      tabIndex={-1}
    >
      <div className="panel-head">
        <div className="grow">
          <h2 className="t4 mono people-id">{customer}</h2>
          {person && (
            <div className="t2 dim" title={formatUTC(person.enrolledAt)}>
              {say(words.personLine, {
                version: String(person.version),
                run: runText((person.runs?.length ?? 0) + 1),
                time: formatTime(person.enrolledAt),
              })}
            </div>
          )}
        </div>
        <a className="btn btn--icon btn--quiet" href={close} aria-label={words.closeEsc} title={words.closeEsc}>
          <Icon name="close" />
        </a>
      </div>
      <div className="panel-body scroll">
        {enrollment.isError ? (
          <NotIn id={id} customer={customer} error={enrollment.error} retry={() => void enrollment.refetch()} />
        ) : person === undefined ? (
          <Skeleton />
        ) : (
          <>
            <StateSection id={id} person={person} status={status} reentry={reentry} />
            <div className="sec sec--tight">
              <div className="row">
                <h3 className="sec-title grow">{words.waySoFar}</h3>
                <LinkButton
                  small
                  icon={onGraph ? "outline" : "build"}
                  href={href(
                    { name: "people", journey: id, customer },
                    { ...writeFilter(filter), on: onGraph ? undefined : "graph" },
                  )}
                >
                  {onGraph ? words.backToList : words.onGraph}
                </LinkButton>
              </div>
              <WayList person={person} definition={version.data?.definition} />
            </div>
            {person.runs && <Runs runs={person.runs} />}
          </>
        )}
        <AttributesSection customer={customer} />
      </div>
      <div className="panel-foot">
        <LinkButton small icon="simulate" href={href({ name: "graph", journey: id, mode: "simulate" }, { customer })}>
          {words.simulate}
        </LinkButton>
        <LinkButton small look="quiet" icon="people" href={href({ name: "customer", customer })}>
          {words.otherJourneys}
        </LinkButton>
      </div>
    </aside>
  );
}

function NotIn({ id, customer, error, retry }: { id: string; customer: string; error: unknown; retry: () => void }) {
  if (!hasStatus(error, 404)) return <Failure error={error} retry={retry} />;
  return (
    <div className="sec">
      <p className="semi">{words.notIn}</p>
      <p className="dim">{words.notInDetail}</p>
      <p>
        <a className="link" href={href({ name: "people", journey: id })}>
          {words.allPeople}
        </a>
        {" · "}
        <a className="link" href={href({ name: "customer", customer })}>
          {words.toCustomer}
        </a>
      </p>
    </div>
  );
}

interface StateProps {
  id: string;
  person: Enrollment;
  status: Status | undefined;
  reentry: boolean;
}

/** Where they are now, in a sentence, and the verbs. */
function StateSection({ id, person, status, reentry }: StateProps) {
  const cache = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState<Action | null>(null);
  const [problem, setProblem] = useState<unknown>();
  const run = async (action: Action) => {
    const params = { path: { id, customerId: pathId(person.customerId) } };
    setBusy(action);
    setAsking(false);
    setProblem(undefined);
    try {
      if (action === "retry") await call(api.POST("/journeys/{id}/enrollments/{customerId}/retry", { params }));
      else await call(api.DELETE("/journeys/{id}/enrollments/{customerId}", { params }));
    } catch (error) {
      setProblem(error);
    }
    await cache.invalidateQueries({ queryKey: keys.people(id) });
    void cache.invalidateQueries({ queryKey: keys.analytics(id) });
    setBusy(null);
  };
  const said = problem === undefined ? undefined : explain(problem);
  const place = useFocusBack(asking);
  const inside = person.status === "active" || person.status === "failed";
  if (asking) {
    return <AskRemove n={1} reentry={reentry} no={() => setAsking(false)} yes={() => void run("remove")} />;
  }
  return (
    <div className="sec sec--tight" aria-live="polite" ref={place}>
      <p className={person.status === "failed" ? "bad" : undefined}>{stateText(person, status)}</p>
      <FaultLine text={said && `${said.title}. ${said.detail}`} />
      {inside && status !== "archived" && (
        <div className="row">
          {person.status === "failed" && (
            <Button small icon="refresh" waits={busy ? words.working : undefined} onClick={() => void run("retry")}>
              {words.retry}
            </Button>
          )}
          <Button
            small
            look="bad"
            icon="leave"
            waits={busy ? words.working : undefined}
            onClick={() => setAsking(true)}
          >
            {words.takeOut}
          </Button>
        </div>
      )}
    </div>
  );
}

function stateText(person: Enrollment, status: Status | undefined): string {
  const since = formatTime(person.since);
  if (person.status === "failed") return say(words.nowFailed, { reason: reasonText(person.exitReason), time: since });
  if (person.status !== "active") return `${exitText(person.status, person.exitReason)}. ${since}`;
  if (status === "paused") return say(words.nowPaused, { time: since });
  if (person.dueAt === undefined) return say(words.nowHere, { time: since });
  const left = Date.parse(person.dueAt) - Date.now();
  return left > 0
    ? say(words.nowDue, { time: since, due: formatTime(person.dueAt), left: formatDuration(left) })
    : say(words.nowMoving, { time: since });
}

function Runs({ runs }: { runs: NonNullable<Enrollment["runs"]> }) {
  return (
    <div className="sec sec--tight">
      <h3 className="sec-title">{words.earlierRuns}</h3>
      <ul className="col gap-1 t2">
        {runs.toReversed().map((run) => (
          <li key={run.run} className="row row--base">
            <span className="med nowrap">{runText(run.run)}</span>
            <span className="dim grow">{exitText(run.status, run.exitReason)}</span>
            <span
              className="dim nowrap"
              title={say(words.runTimes, { from: formatTime(run.enrolledAt), to: formatTime(run.leftAt) })}
            >
              {formatTime(run.leftAt)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
