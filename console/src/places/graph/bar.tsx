import words from "#words/journey";
import { Account, Brand, SkipLink, useTitle } from "../../frame";
import { go, href, type Mode, modes, readRoute } from "../../route";
import { session } from "../../session";
import { useStore } from "../../store";
import { IconButton } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { type Status, StatusChip } from "../../ui/status";
import { outline } from "./selected";

interface ModeBarProps {
  id: string;
  mode: Mode;
  /** Absent until it is known. */
  name?: string;
  status?: Status;
}

/** The top bar of a journey: which one, the modes, and who is signed in. */
export function ModeBar({ id, mode, name = "", status }: ModeBarProps) {
  useTitle(name === "" ? words[mode] : `${name}, ${words[mode]}`);
  const viewer = useStore(session)?.role === "viewer";
  const outlined = useStore(outline);
  return (
    <>
      <SkipLink />
      <header className="bar bar--3">
        <div className="row">
          <Brand />
          <span className="crumb" aria-hidden="true">
            /
          </span>
          <h1 className="semi cut" title={name}>
            {name}
          </h1>
          {status && <StatusChip status={status} />}
        </div>
        {viewer ? <span /> : <Modes id={id} mode={mode} />}
        <div className="row row--1 push">
          {!viewer && (
            <a
              className="btn btn--icon btn--quiet"
              href={href({ name: "people", journey: id })}
              aria-label={words.people}
              title={words.people}
            >
              <Icon name="people" />
            </a>
          )}
          <span className="only-wide">
            <IconButton
              icon="outline"
              label={words.outline}
              aria-pressed={outlined}
              onClick={() => outline.set(!outlined)}
            />
          </span>
          <Account />
        </div>
      </header>
    </>
  );
}

const icons = { build: "build", simulate: "simulate", live: "live", versions: "versions" } as const;

function Modes({ id, mode }: { id: string; mode: Mode }) {
  return (
    <nav className="seg only-wide" aria-label={words.modes}>
      {modes.map((m) => (
        <a
          key={m}
          href={href({ name: "graph", journey: id, mode: m })}
          aria-current={m === mode ? "page" : undefined}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            goToMode(id, m);
          }}
        >
          <Icon name={icons[m]} />
          {words[m]}
        </a>
      ))}
    </nav>
  );
}

/** Goes to another mode of the same journey. The chosen step stays chosen. */
export function goToMode(id: string, mode: Mode) {
  go({ name: "graph", journey: id, mode }, { step: readRoute(location.hash).query.get("step") ?? undefined });
}
