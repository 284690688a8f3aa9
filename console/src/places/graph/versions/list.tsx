import { Fragment } from "react";
import words from "#words/versions";
import type { Schemas } from "../../../api";
import { formatDay, formatMinute, formatUTC } from "../../../format";
import type { Editor } from "../../../graph/editor";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Segments } from "../../../ui/field";
import { Icon } from "../../../ui/icon";
import type { Choice, Pick } from "./choice";
import { History } from "./history";
import type { Version } from "./use-versions";

interface ListProps {
  editor: Editor;
  journey: Schemas["Journey"];
  versions: readonly Version[];
  /** Absent when all are there. */
  onMore: (() => void) | undefined;
  choice: Choice;
  onPress: (pick: Pick) => void;
  onCompare: (compare: boolean) => void;
  /** Whether there are two to compare. */
  several: boolean;
}

/** The versions, and below them who changed what. */
export function List({ editor, journey, versions, onMore, choice, onPress, onCompare, several }: ListProps) {
  const mark = (pick: Pick) => ("one" in choice ? (choice.one === pick ? "one" : null) : markOf(choice, pick));
  return (
    <aside className="panel panel--start" aria-label={words.versions}>
      <div className="panel-head">
        <h2 className="semi grow">{words.versions}</h2>
        {several && (
          <Segments
            small
            label={words.show}
            value={"one" in choice ? "one" : "compare"}
            options={[
              ["one", words.one],
              ["compare", words.compare],
            ]}
            onChange={(value) => onCompare(value === "compare")}
          />
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keys */}
      <div className="panel-body scroll" tabIndex={0} role="group" aria-label={words.versions}>
        <ul className="col gap-1 ver-list">
          {editor.hasDraft && (
            <Row mark={mark("draft")} onPress={() => onPress("draft")} title={words.draft}>
              <DraftLines editor={editor} />
            </Row>
          )}
          {versions.map((version) => (
            <Row
              key={version.version}
              mark={mark(version.version)}
              onPress={() => onPress(version.version)}
              title={say(words.version, { n: version.version })}
              chip={version.current ? <PresentChip status={journey.status} /> : undefined}
            >
              <VersionLines version={version} />
            </Row>
          ))}
        </ul>
        <div className="ver-more">
          {onMore && (
            <Button small look="quiet" onClick={onMore}>
              {words.more}
            </Button>
          )}
          <p className="help">{words.notKept}</p>
        </div>
        <History journey={journey} />
      </div>
    </aside>
  );
}

function markOf(choice: { a: Pick; b: Pick }, pick: Pick): "A" | "B" | null {
  if (choice.a === pick) return "A";
  return choice.b === pick ? "B" : null;
}

interface RowProps {
  mark: "A" | "B" | "one" | null;
  onPress: () => void;
  title: string;
  chip?: React.ReactNode;
  children: React.ReactNode;
}

function Row({ mark, onPress, title, chip, children }: RowProps) {
  return (
    <li>
      <button type="button" className="ver" aria-pressed={mark !== null} onClick={onPress}>
        <span className={mark === "A" || mark === "B" ? "ab" : undefined}>{mark === "one" ? null : mark}</span>
        <span className="col">
          <span className="row">
            <span className="med">{title}</span>
            {chip}
          </span>
          {children}
        </span>
      </button>
    </li>
  );
}

function PresentChip({ status }: { status: Schemas["Status"] }) {
  if (status === "draft") return <span className="chip chip--accent">{words.notLaunched}</span>;
  return status === "active" ? (
    <span className="chip chip--active">
      <Icon name="active" />
      {words.live}
    </span>
  ) : (
    <span className="chip">{words.present}</span>
  );
}

function DraftLines({ editor: { state } }: { editor: Editor }) {
  return (
    <>
      <span className="t2">
        <span className="chip chip--accent">{words.notLaunched}</span>
      </span>
      {state.kind === "saved" && <When at={state.at} by={state.by} />}
    </>
  );
}

function VersionLines({ version }: { version: Version }) {
  const notes = [
    say(words.inside, { n: version.inside }),
    version.sameAs !== undefined && say(words.sameAs, { n: version.sameAs }),
  ].filter((note) => note !== false);
  return (
    <>
      <When at={version.createdAt} by={version.createdBy?.name ?? ""} />
      <span className="t2 dim">
        {notes.map((note, i) => (
          <Fragment key={note}>
            {i > 0 && ", "}
            {note}
          </Fragment>
        ))}
      </span>
    </>
  );
}

/** When something was made, and who made it. */
export function When({ at, by }: { at: string; by: string }) {
  const time = `${formatDay(at)}, ${formatMinute(at)}`;
  return (
    <span className="t2 dim" title={formatUTC(at)}>
      {by === "" ? time : say(words.when, { time, name: by })}
    </span>
  );
}
