import { useEffect, useRef, useState } from "react";
import words from "#words/people";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { Band, explain } from "../../ui/states";
import type { Status } from "../../ui/status";
import { type Action, countOf, type Progress, settled } from "./bulk";
import type { Filter } from "./use-people";

interface BandProps {
  progress: Progress;
  stop: () => void;
  close: () => void;
}

/** How far an action is, and how it goes. */
export function BulkBand({ progress, stop, close }: BandProps) {
  const { action, state, total } = progress;
  const n = settled(progress);
  const busy = state === "running" || state === "stopping";
  const tone = state === "failed" || progress.errors > 0 ? "bad" : "accent";
  return (
    <>
      <Band tone={tone} icon={action === "retry" ? "refresh" : "leave"}>
        <span className="semi">{say(words.states[state][action], { n: total })}</span>
        <span className="meter people-meter" aria-hidden="true">
          <i style={{ ["--w" as string]: `${total === 0 ? 100 : (100 * n) / total}%` }} />
        </span>
        <span className="semi nowrap">{say(words.of, { n, total })}</span>
        <span className="dim">{detail(progress)}</span>
        <span className="push">
          {busy ? (
            <Button small onClick={stop} waits={state === "stopping" ? words.stopping : undefined}>
              {words.stop}
            </Button>
          ) : (
            <Button small onClick={close}>
              {words.close}
            </Button>
          )}
        </span>
      </Band>
      {progress.failures.length > 0 && <Failures progress={progress} />}
      {progress.problem !== undefined && <Problem error={progress.problem} />}
    </>
  );
}

/** "16 went on, 2 failed again, 9 to do": only what there is. */
function detail(progress: Progress): string {
  const { action, done, skipped, errors, total } = progress;
  const again = countOf(progress, "again");
  const went = countOf(progress, "went");
  const parts = [
    done > 0 && say(action === "retry" ? words.counts.retried : words.counts.out, { n: done }),
    went > 0 && say(words.counts.went, { n: went }),
    again > 0 && say(words.counts.again, { n: again }),
    skipped > 0 && say(words.counts.skipped, { n: skipped }),
    errors > 0 && say(words.counts.errors, { n: errors }),
    total > settled(progress) && say(words.counts.todo, { n: total - settled(progress) }),
  ];
  return parts.filter(Boolean).join(", ");
}

function Failures({ progress }: { progress: Progress }) {
  return (
    <details className="people-failures">
      <summary>{say(words.notDone, { n: progress.failures.length })}</summary>
      <ul className="t2">
        {progress.failures.slice(0, 100).map(({ id, code }) => (
          <li key={id}>
            <span className="mono">{id}</span> <code className="dim">{code}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Problem({ error }: { error: unknown }) {
  const { title, detail: more } = explain(error);
  return (
    <p className="people-failures bad" role="alert">
      {title}. {more} {words.repeatable}
    </p>
  );
}

interface FootProps {
  n: number;
  allOf: number;
  filter: Filter;
  status: Status;
  reentry: boolean;
  running: boolean;
  chooseAll: () => void;
  chooseNone: () => void;
  act: (action: Action) => void;
}

/** What can be done with those who were chosen. Taking out asks in place. */
export function BulkFoot(props: FootProps) {
  const { n, allOf, filter, status, reentry, running, chooseAll, chooseNone, act } = props;
  const [asking, setAsking] = useState(false);
  const foot = useFocusBack(asking);
  if (asking && n > 0) {
    return (
      <AskRemove
        n={n}
        reentry={reentry}
        no={() => setAsking(false)}
        yes={() => {
          setAsking(false);
          act("remove");
        }}
      />
    );
  }
  const waits = running ? words.waitsRunning : n === 0 ? words.waitsChoice : undefined;
  return (
    <div className="bar people-foot" ref={foot}>
      <span className="semi" aria-live="polite">
        {say(words.chosen, { n })}
      </span>
      {n > 0 && (
        <button type="button" className="link" onClick={chooseNone}>
          {words.chooseNone}
        </button>
      )}
      {n < allOf && (
        <button type="button" className="link" onClick={chooseAll}>
          {say(words.chooseAll, { n: allOf })}
        </button>
      )}
      {status !== "archived" && (
        <span className="push row">
          <Button look="bad" icon="leave" waits={waits} onClick={() => setAsking(true)}>
            {words.takeOut}
          </Button>
          {filter.status === "failed" && (
            <Button look="primary" icon="refresh" waits={waits} onClick={() => act("retry")}>
              {n === 0 ? words.retry : say(words.retryN, { n })}
            </Button>
          )}
        </span>
      )}
    </div>
  );
}

/** Puts the focus back on the verb that asked, when it asks no more. */
export function useFocusBack(asking: boolean) {
  const place = useRef<HTMLDivElement>(null);
  const asked = useRef(false);
  useEffect(() => {
    if (asked.current && !asking) place.current?.querySelector<HTMLElement>(".btn--bad")?.focus();
    asked.current = asking;
  }, [asking]);
  return place;
}

/** Asks in place, since no one can be put back where they were. */
export function AskRemove({ n, reentry, yes, no }: { n: number; reentry: boolean; yes: () => void; no: () => void }) {
  const first = useRef<HTMLDivElement>(null);
  useEffect(() => first.current?.querySelector("button")?.focus(), []);
  return (
    <div className="bar people-foot people-ask" ref={first} role="group" aria-label={say(words.askOut, { n })}>
      <p className="grow">
        <b>{say(words.askOut, { n })}</b>{" "}
        <span className="dim">{reentry ? words.askOutReentry : words.askOutNever}</span>
      </p>
      <span className="row">
        <Button onClick={no}>{words.keep}</Button>
        <Button look="bad" icon="leave" onClick={yes}>
          {say(words.outN, { n })}
        </Button>
      </span>
    </div>
  );
}
