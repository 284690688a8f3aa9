import { useMemo, useState } from "react";
import words from "#words/build";
import { formatMinute } from "../../../format";
import { kindOf, nameOf } from "../../../graph/describe";
import { compare, type Difference } from "../../../graph/diff";
import { nodeOf } from "../../../graph/edit";
import type { Editor } from "../../../graph/editor";
import { merge } from "../../../graph/merge";
import { Tile } from "../../../graph/tile";
import type { Work } from "../../../graph/types";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { Band } from "../../../ui/states";
import { SaveAsNew } from "../save-as-new";

const kindWords = { added: words.isAdded, removed: words.isRemoved, changed: words.isChanged };

interface ConflictProps {
  editor: Editor;
  /** The journey's name. */
  name: string;
}

/** Two editors changed the same draft: both changes if they lie apart, else mine, theirs, or mine as a new journey. */
export function Conflict({ editor, name }: ConflictProps) {
  const { state, work } = editor;
  const conflict = state.kind === "conflict" ? state : null;
  const [open, setOpen] = useState(false);
  const both = useMemo(() => conflict && merge(conflict.base, work, conflict.theirs.work), [conflict, work]);
  if (conflict === null || both === null) return null;
  const by = conflict.theirs.by || words.someone;
  const apart = both.conflicts.length === 0;
  const changes = compare(conflict.base, conflict.theirs.work).length;
  return (
    <>
      <Band tone="warn" icon="swap">
        <span>
          <b>{say(words.theyChanged, { by, at: formatMinute(conflict.theirs.at), n: changes })}</b>{" "}
          <span className="dim">{apart ? words.liesApart : words.sameSteps}</span>
        </span>
        <span className="push row">
          {apart && (
            <Button small look="primary" onClick={() => editor.resolve(both.merged, say(words.keptBoth, { by }))}>
              {words.keepBoth}
            </Button>
          )}
          <Button small onClick={() => setOpen(true)}>
            {words.look}
          </Button>
        </span>
      </Band>
      {open && <Choose editor={editor} name={name} by={by} onClose={() => setOpen(false)} />}
    </>
  );
}

function Choose({ editor, name, by, onClose }: ConflictProps & { by: string; onClose: () => void }) {
  const { state, work } = editor;
  if (state.kind !== "conflict") return null;
  const { base, theirs } = state;
  const take = (next: Work, label: string) => () => {
    onClose();
    editor.resolve(next, label);
  };
  return (
    <Dialog title={words.whichOne} onClose={onClose} wide>
      <div className="sides">
        <Side title={words.mine} differences={compare(base, work)} works={[work, base]} />
        <Side title={say(words.theirs, { by })} differences={compare(base, theirs.work)} works={[theirs.work, base]} />
      </div>
      <div className="row row--wrap">
        <Button look="primary" onClick={take(work, say(words.tookMine, { by }))}>
          {words.takeMine}
        </Button>
        <Button onClick={take(theirs.work, say(words.tookTheirs, { by }))}>{say(words.takeTheirs, { by })}</Button>
        <SaveAsNew
          id={editor.journeyId}
          name={say(words.copyOf, { name })}
          work={work}
          primary={false}
          label={words.mineAsNew}
          onDone={take(theirs.work, say(words.tookTheirs, { by }))}
        />
      </div>
      <p className="help">{words.undoable}</p>
    </Dialog>
  );
}

interface SideProps {
  title: string;
  differences: readonly Difference[];
  works: readonly Work[];
}

function Side({ title, differences, works }: SideProps) {
  return (
    <section className="card" aria-label={title}>
      <div className="sec sec--tight">
        <h3 className="sec-title">{title}</h3>
        <ul className="col gap-3">
          {differences.map((difference) => (
            <li key={`${difference.nodeId} ${difference.setting}`} className="col gap-1">
              <What difference={difference} works={works} />
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}

function What({ difference, works }: { difference: Difference; works: readonly Work[] }) {
  const { nodeId, setting, kind, fields } = difference;
  const node = works.map((work) => nodeOf(work.definition, nodeId)).find(Boolean);
  return (
    <>
      <span className="row row--1">
        {node && <Tile of={kindOf(node)} small />}
        <span className="med">{node ? nameOf(node) : (setting ?? "")}</span>
        <span className="dim t2">{kindWords[kind]}</span>
      </span>
      {fields.map(({ name, before, after }) => (
        <span key={name} className="t2">
          <span className="dim">{name}</span> {before || "–"} → <b>{after || "–"}</b>
        </span>
      ))}
    </>
  );
}
