import words from "#words/launch";
import { nameOf } from "../../graph/describe";
import { compare, type Difference } from "../../graph/diff";
import type { Work } from "../../graph/types";
import { href } from "../../route";
import { say } from "../../say";
import { Button, LinkButton } from "../../ui/button";
import { Check } from "../../ui/field";
import { Icon, type IconName } from "../../ui/icon";
import { Failure } from "../../ui/states";
import type { LaunchState } from "./use-launch";

interface CardProps {
  id: string;
  title: string;
  /** What is live now; null for a first launch. */
  live: Work | null;
  /** The draft; null where there is none. */
  work: Work | null;
  liveVersion: number;
  /** Undefined until they are known. */
  faults: number | undefined;
  warnings: number;
  read: boolean;
  setRead: (read: boolean) => void;
  state: LaunchState;
  launch: (over: boolean) => void;
  again: () => void;
}

/** What changes, and the one button. */
export function LaunchCard(props: CardProps) {
  const { id, title, live, work, liveVersion, faults, warnings, read, setRead, state, launch, again } = props;
  const waits =
    faults === undefined
      ? words.waitsTrial
      : faults > 0
        ? say(words.waitsFaults, { n: faults })
        : warnings > 0 && !read
          ? words.waitsRead
          : state.kind === "busy"
            ? words.waitsBusy
            : undefined;
  return (
    <aside className="card launch-card" aria-label={words.launch}>
      {live && work && <WhatChanges id={id} live={live} work={work} liveVersion={liveVersion} />}
      <div className="sec">
        {warnings > 0 && <Check label={say(words.haveRead, { n: warnings })} checked={read} onChange={setRead} />}
        {state.kind === "live-changed" ? (
          <LiveChanged id={id} launch={() => launch(true)} waits={waits} />
        ) : state.kind === "stale" ? (
          <Stale again={again} />
        ) : (
          <Button look="primary" icon="launch" waits={waits} onClick={() => launch(false)}>
            {state.kind === "busy" ? words.launching : title}
          </Button>
        )}
        {waits !== undefined && faults !== undefined && faults > 0 && <p className="help help--bad">{waits}</p>}
        {state.kind === "failed" && <Failure error={state.error} title={words.notLaunched} />}
        <p className="help">{words.canPause}</p>
      </div>
    </aside>
  );
}

/** Someone changed the live version since the draft began. */
function LiveChanged({ id, launch, waits }: { id: string; launch: () => void; waits: string | undefined }) {
  return (
    <div className="col gap-3" role="alert">
      <p>
        <b>{words.liveChanged}</b> {words.liveChangedDetail}
      </p>
      <LinkButton look="primary" icon="versions" href={href({ name: "graph", journey: id, mode: "versions" })}>
        {words.compareFirst}
      </LinkButton>
      <Button look="bad" icon="launch" waits={waits} onClick={launch}>
        {words.launchOver}
      </Button>
    </div>
  );
}

function Stale({ again }: { again: () => void }) {
  return (
    <div className="col gap-3" role="alert">
      <p>
        <b>{words.stale}</b> {words.staleDetail}
      </p>
      <Button look="primary" icon="refresh" onClick={again}>
        {words.readAgain}
      </Button>
    </div>
  );
}

const kinds: Record<Difference["kind"], { icon: IconName; chip: string; word: string }> = {
  added: { icon: "plus", chip: "chip chip--ok", word: words.added },
  removed: { icon: "minus", chip: "chip chip--bad", word: words.removed },
  changed: { icon: "pencil", chip: "chip chip--warn", word: words.changed },
};
const shown = 12;

function WhatChanges({ id, live, work, liveVersion }: { id: string; live: Work; work: Work; liveVersion: number }) {
  const differences = compare(live, work);
  const names = new Map([...live.definition.nodes, ...work.definition.nodes].map((node) => [node.id, nameOf(node)]));
  return (
    <div className="sec sec--tight">
      <h2 className="sec-title">{words.whatChanges}</h2>
      {differences.length === 0 && <p className="t2 dim">{words.nothingChanges}</p>}
      <ul className="col gap-1 t2">
        {differences.slice(0, shown).map(({ kind, nodeId, setting }) => {
          const name = nodeId === null ? settingName(setting) : (names.get(nodeId) ?? nodeId);
          return (
            <li key={`${kind} ${nodeId} ${setting}`} className="row">
              <span className={kinds[kind].chip}>
                <Icon name={nodeId === null && kind === "changed" ? "settings" : kinds[kind].icon} />
                {kinds[kind].word}
              </span>
              <span className="cut" title={name}>
                {name}
              </span>
            </li>
          );
        })}
        {differences.length > shown && <li className="dim">{say(words.andMore, { n: differences.length - shown })}</li>}
      </ul>
      <a className="link t2" href={href({ name: "graph", journey: id, mode: "versions" })}>
        {say(words.compareWith, { n: String(liveVersion) })}
      </a>
    </div>
  );
}

function settingName(setting: string | undefined): string {
  return setting !== undefined && setting in words.settings
    ? words.settings[setting as keyof typeof words.settings]
    : (setting ?? "");
}
