import words from "#words/launch";
import { Account, Brand, SkipLink, useTitle } from "../../frame";
import { hasStatus } from "../../problem";
import { href, type Mode } from "../../route";
import { say } from "../../say";
import { session } from "../../session";
import { useStore } from "../../store";
import { LinkButton } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { NotThere } from "../graph/not-there";
import { Checks } from "./checks";
import { useCandidate } from "./use-launch";
import "../../style/people.css";

/** Launch as a page: read from top to bottom, then one button. */
export default function Launch({ id }: { id: string }) {
  const viewer = useStore(session)?.role === "viewer";
  return viewer ? <NotForViewers id={id} /> : <Candidate id={id} />;
}

function NotForViewers({ id }: { id: string }) {
  return (
    <Frame id={id} name="">
      <Empty title={words.figuresOnly} level={1}>
        <ToMode id={id} mode="live" word={words.toLive} />
      </Empty>
    </Frame>
  );
}

function Candidate({ id }: { id: string }) {
  const { journey, draft, fresh, again } = useCandidate(id);
  const error = journey.error ?? draft.error;
  const name = journey.data?.data.name ?? "";
  if (hasStatus(error, 404)) return <NotThere id={id} />;
  if (error) {
    return (
      <Frame id={id} name={name}>
        <div className="page">
          <Failure error={error} retry={() => void again()} />
        </div>
      </Frame>
    );
  }
  if (!fresh || journey.data === undefined || draft.data === undefined) {
    return (
      <Frame id={id} name={name}>
        <Skeleton rows={8} />
      </Frame>
    );
  }
  const { status, version } = journey.data.data;
  return (
    <Frame id={id} name={name}>
      {status === "archived" ? (
        <Empty title={words.archived} level={1}>
          <p className="dim">{words.archivedDetail}</p>
          <ToMode id={id} mode="live" word={words.toLive} />
        </Empty>
      ) : status === "active" && draft.data === null ? (
        <Empty title={say(words.isLive, { n: String(version) })} level={1}>
          <p className="dim">{words.isLiveDetail}</p>
          <div className="row">
            <ToMode id={id} mode="build" word={words.toBuild} />
            <ToMode id={id} mode="live" word={words.toLive} />
          </div>
        </Empty>
      ) : (
        <Checks id={id} journey={journey.data} draft={draft.data} again={() => void again()} />
      )}
    </Frame>
  );
}

function ToMode({ id, mode, word }: { id: string; mode: Mode; word: string }) {
  return (
    <LinkButton icon={mode} href={href({ name: "graph", journey: id, mode })}>
      {word}
    </LinkButton>
  );
}

function Frame({ id, name, children }: { id: string; name: string; children: React.ReactNode }) {
  useTitle(name === "" ? words.launch : say(words.titleOf, { name }));
  return (
    <div className="app app--page">
      <SkipLink />
      <header className="bar bar--3 launch-bar">
        <div className="row">
          <Brand />
          <span className="crumb" aria-hidden="true">
            /
          </span>
          <a className="semi cut" href={href({ name: "graph", journey: id, mode: "build" })}>
            {name}
          </a>
          <span className="crumb" aria-hidden="true">
            /
          </span>
          <span className="dim">{words.launch}</span>
        </div>
        <span />
        <div className="row push">
          <Account />
        </div>
      </header>
      <main id="main" className="scroll" tabIndex={-1} aria-label={words.launch}>
        {children}
      </main>
    </div>
  );
}

/** The way back, at the head of the page. */
export function Back({ id }: { id: string }) {
  return (
    <a
      className="btn btn--icon btn--quiet"
      href={href({ name: "graph", journey: id, mode: "build" })}
      aria-label={words.back}
      title={words.back}
    >
      <Icon name="arrow-left" />
    </a>
  );
}
