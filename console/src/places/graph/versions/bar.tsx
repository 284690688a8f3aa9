import words from "#words/versions";
import type { Schemas } from "../../../api";
import type { Difference } from "../../../graph/diff";
import type { Editor } from "../../../graph/editor";
import type { Work } from "../../../graph/types";
import { same } from "../../../json";
import { go } from "../../../route";
import { say } from "../../../say";
import { announce } from "../../../ui/announce";
import { Button } from "../../../ui/button";
import { download } from "../../../ui/download";
import type { Choice, Pick } from "./choice";

interface BarProps {
  choice: Choice;
  differences: readonly Difference[] | undefined;
  /** The version that the verbs mean, with its content once it is there. */
  target: { number: number; work: Work | undefined } | undefined;
  journey: Schemas["Journey"];
  editor: Editor;
  onSwap: (() => void) | undefined;
}

/** The second bar: what is compared, how much differs, and what can be done with the older one. */
export function VersionsBar({ choice, differences, target, journey, editor, onSwap }: BarProps) {
  return (
    <section className="bar live-bar" aria-label={words.label}>
      <span className="semi nowrap">
        {"one" in choice ? nameOfPick(choice.one) : say(words.fromTo, { a: nameOfPick(choice.a), b: lower(choice.b) })}
      </span>
      {differences && <span className="dim cut only-wide">{counts(differences)}</span>}
      <span className="push row">
        {onSwap && (
          <Button icon="swap" look="quiet" onClick={onSwap}>
            {words.swap}
          </Button>
        )}
        {target && <Verbs {...target} journey={journey} editor={editor} />}
      </span>
    </section>
  );
}

interface VerbsProps {
  number: number;
  work: Work | undefined;
  journey: Schemas["Journey"];
  editor: Editor;
}

function Verbs({ number, work, journey, editor }: VerbsProps) {
  const alike = work !== undefined && same(work as never, editor.work as never);
  const save = () => {
    if (!work) return;
    const { name, description } = journey;
    const text = JSON.stringify({ name, description, ...work }, null, 2);
    download(`${journey.name}, ${say(words.lower, { n: number })}.json`, `${text}\n`);
    announce(say(words.exported, { n: number }));
  };
  const restore = () => {
    if (!work) return;
    editor.change(say(words.restoredLabel, { n: number }), () => work);
    announce(say(words.restored, { n: number }));
    go({ name: "graph", journey: journey.id, mode: "build" });
  };
  return (
    <>
      <Button icon="download" onClick={save}>
        {say(words.export, { n: number })}
      </Button>
      <span className="only-wide">
        <Button look="primary" icon="versions" waits={alike ? words.isDraft : undefined} onClick={restore}>
          {say(words.restore, { n: number })}
        </Button>
      </span>
    </>
  );
}

/** "Version 3", "Draft". */
export function nameOfPick(pick: Pick): string {
  return pick === "draft" ? words.draft : say(words.version, { n: pick });
}

/** The same within a sentence. */
export function lower(pick: Pick): string {
  return pick === "draft" ? words.lowerDraft : say(words.lower, { n: pick });
}

/** "1 added, 2 changed, 1 setting". */
export function counts(differences: readonly Difference[]): string {
  if (differences.length === 0) return words.same;
  const steps = (kind: Difference["kind"]) => differences.filter((d) => d.nodeId !== null && d.kind === kind).length;
  const parts = [
    [words.count.added, steps("added")],
    [words.count.removed, steps("removed")],
    [words.count.changed, steps("changed")],
    [words.count.settings, differences.filter((d) => d.nodeId === null).length],
  ] as const;
  return parts.flatMap(([message, n]) => (n > 0 ? [say(message, { n })] : [])).join(", ");
}
