import { useMemo } from "react";
import words from "#words/build";
import type { Schemas } from "../../../api";
import { formatMinute } from "../../../format";
import { useOwnEdits } from "../../../forms/own-edits";
import { compare } from "../../../graph/diff";
import type { Editor, SaveState } from "../../../graph/editor";
import { go, href } from "../../../route";
import { say } from "../../../say";
import { Button, IconButton } from "../../../ui/button";
import { Icon } from "../../../ui/icon";
import { explain } from "../../../ui/states";
import { goToMode } from "../bar";
import { FindStep } from "./find-step";

interface BuildBarProps {
  editor: Editor;
  journey: Schemas["Journey"];
  readOnly: boolean;
  /** How many faults keep it from being launched; undefined until that is known. */
  faults: number | undefined;
  onFind: (id: string) => void;
}

/** The second bar: is my work saved, what have I changed, and what comes next. */
export function BuildBar({ editor, journey, readOnly, faults, onFind }: BuildBarProps) {
  const { id, status, version } = journey;
  const neverLaunched = status === "draft";
  const changes = useChanges(editor);
  return (
    <section className="bar" aria-label={words.draft}>
      <VersionChip version={version} neverLaunched={neverLaunched} hasDraft={editor.hasDraft} />
      <SaveWord state={editor.state} />
      {changes > 0 && !neverLaunched && (
        <a className="link nowrap" href={href({ name: "graph", journey: id, mode: "versions" })}>
          {say(words.changes, { n: changes, version })}
        </a>
      )}
      {!readOnly && <UndoRedo editor={editor} />}
      <span className="push row">
        <span className="only-wide row">
          <FindStep graph={editor.work.definition} onFind={onFind} />
        </span>
        {!readOnly && (
          <span className="only-wide row">
            <Button icon="simulate" onClick={() => goToMode(id, "simulate")}>
              {words.simulate}
            </Button>
            <Launch editor={editor} journey={journey} faults={faults} />
          </span>
        )}
      </span>
    </section>
  );
}

function useChanges({ live, work, hasDraft }: Editor): number {
  return useMemo(() => (hasDraft ? compare(live, work).length : 0), [live, work, hasDraft]);
}

interface VersionChipProps {
  version: number;
  neverLaunched: boolean;
  hasDraft: boolean;
}

function VersionChip({ version, neverLaunched, hasDraft }: VersionChipProps) {
  if (!hasDraft && !neverLaunched) return <span className="chip">{say(words.version, { version })}</span>;
  return (
    <span className="chip chip--accent">
      <Icon name="pencil" />
      {say(words.draftOf, { version: neverLaunched ? version : version + 1 })}
    </span>
  );
}

function SaveWord({ state }: { state: SaveState }) {
  const bad = state.kind === "refused" || state.kind === "conflict";
  return (
    <span
      className={bad ? "row row--1 bad nowrap" : "row row--1 dim nowrap"}
      role="status"
      title={state.kind === "refused" ? explain(state.error).detail : undefined}
    >
      {state.kind === "saved" && <Icon name="check" small />}
      {bad && <Icon name="alert" small />}
      {saveWord(state)}
    </span>
  );
}

function saveWord(state: SaveState): string {
  switch (state.kind) {
    case "clean":
    case "deleted":
      return "";
    case "saved":
      return say(words.saved, { at: formatMinute(state.at) });
    case "changed":
    case "saving":
      return words.saving;
    default:
      return words[state.kind];
  }
}

function UndoRedo({ editor }: { editor: Editor }) {
  const { undoes, redoes } = editor;
  return (
    <span className="row row--1">
      <IconButton
        icon="undo"
        label={undoes === null ? words.undo : say(words.undoes, { what: undoes })}
        aria-disabled={undoes === null}
        onClick={editor.undo}
      />
      <IconButton
        icon="redo"
        label={redoes === null ? words.redo : say(words.redoes, { what: redoes })}
        aria-disabled={redoes === null}
        onClick={editor.redo}
      />
    </span>
  );
}

function Launch({ editor, journey, faults }: Pick<BuildBarProps, "editor" | "journey" | "faults">) {
  const applied = Object.keys(useOwnEdits(journey.id)).length === 0;
  const waits = applied ? whyWaits(editor, journey, faults) : words.applyFirst;
  const launch = async () => {
    try {
      await editor.flush();
      go({ name: "launch", journey: journey.id });
    } catch {
      // the word beside the draft says why it is not saved
    }
  };
  return (
    <Button look="primary" icon="launch" waits={waits} onClick={() => void launch()}>
      {words.launch}
    </Button>
  );
}

function whyWaits(editor: Editor, { status, version }: Schemas["Journey"], faults = 0): string | undefined {
  const { kind } = editor.state;
  if (faults > 0) return say(words.mendFirst, { n: faults });
  if (kind === "waiting" || kind === "refused" || kind === "conflict" || kind === "deleted") return words.saveFirst;
  if (!editor.hasDraft && status === "active") return say(words.nothingNew, { version });
  return undefined;
}
