import { useLayoutEffect, useMemo, useState } from "react";
import words from "#words/versions";
import type { Schemas } from "../../../api";
import { Canvas } from "../../../graph/canvas";
import { compare } from "../../../graph/diff";
import type { Editor } from "../../../graph/editor";
import { OverlayStore } from "../../../graph/overlay";
import type { Graph, Work } from "../../../graph/types";
import { rich, say } from "../../../say";
import { useStore } from "../../../store";
import { Failure, Skeleton } from "../../../ui/states";
import { Tabs } from "../live/tabs";
import { outline, useSelected } from "../selected";
import { About } from "./about";
import { lower, nameOfPick, VersionsBar } from "./bar";
import { Changes } from "./changes";
import { type Choice, type Pick, press, useChoice } from "./choice";
import { List } from "./list";
import { overlayOf } from "./overlay";
import { unite } from "./union";
import { useVersions, useWork, type Version } from "./use-versions";
import "../../../style/live.css";

type Journey = Schemas["Journey"];

interface VersionsProps {
  editor: Editor;
  journey: Journey;
}

/** The versions of a journey and its draft: one of them, or what differs between two. */
export default function Versions({ editor, journey }: VersionsProps) {
  const query = useVersions(journey.id, journey.updatedAt);
  const versions = query.data?.pages.flatMap((page) => page.data);
  if (!versions) {
    return (
      <main id="main" className="center" tabIndex={-1}>
        {query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : <Skeleton />}
      </main>
    );
  }
  const onMore = query.hasNextPage ? () => void query.fetchNextPage() : undefined;
  return <Shown editor={editor} journey={journey} versions={versions} onMore={onMore} />;
}

type ShownProps = VersionsProps & { versions: readonly Version[]; onMore: (() => void) | undefined };

function Shown({ editor, journey, versions, onMore }: ShownProps) {
  const picks = useMemo<Pick[]>(
    () => [...(editor.hasDraft ? (["draft"] as const) : []), ...versions.map((version) => version.version)],
    [editor.hasDraft, versions],
  );
  const [choice, choose] = useChoice(picks);
  const [last, setLast] = useState<Pick | null>(null);
  const first = choice === null ? null : "one" in choice ? choice.one : choice.a;
  const second = choice === null || "one" in choice ? null : choice.b;
  const a = useContent(journey, editor, first);
  const b = useContent(journey, editor, second);
  const differences = useMemo(() => (a.work && b.work ? compare(a.work, b.work) : undefined), [a.work, b.work]);
  if (choice === null || first === null) return null;
  const number = [first, second].find((pick) => typeof pick === "number");
  const target = number === undefined ? undefined : { number, work: number === first ? a.work : b.work };
  const onPress = (pick: Pick) => {
    choose(press(choice, pick, last, picks));
    setLast(pick);
  };
  const onCompare = (both: boolean) => choose(both ? pairWith(first, picks) : { one: second ?? first });
  const failed = [a, b].find(({ error }) => error);
  const list = { editor, journey, versions, onMore, choice, onPress, onCompare, several: picks.length > 1 };
  return (
    <>
      <VersionsBar
        choice={choice}
        differences={differences}
        target={target}
        journey={journey}
        editor={editor}
        onSwap={second === null ? undefined : () => choose({ a: second, b: first })}
      />
      <main id="main" className="work work--versions" tabIndex={-1}>
        <List {...list} />
        {failed ? (
          <Failure error={failed.error} retry={failed.again} />
        ) : (
          <Content choice={choice} a={a.work} b={b.work} target={number} versions={versions} />
        )}
        <Tabs id={journey.id} viewer={false} here="versions" />
      </main>
    </>
  );
}

/** The pair that a version makes with the one before it, or the oldest with the one after it. */
function pairWith(pick: Pick, picks: readonly Pick[]): Choice {
  const at = picks.indexOf(pick);
  const older = picks[at + 1];
  return older === undefined ? { a: pick, b: picks[at - 1] ?? pick } : { a: older, b: pick };
}

function useContent(journey: Journey, editor: Editor, pick: Pick | null) {
  const query = useWork(journey.id, typeof pick === "number" ? pick : null, journey.updatedAt);
  return {
    work: pick === "draft" ? editor.work : query.data,
    error: query.error,
    again: () => void query.refetch(),
  };
}

interface ContentProps {
  choice: Choice;
  a: Work | undefined;
  b: Work | undefined;
  /** The version that can be restored. */
  target: number | undefined;
  versions: readonly Version[];
}

function Content({ choice, a, b, target, versions }: ContentProps) {
  if ("one" in choice) {
    if (!a) return <Skeleton />;
    const name = nameOfPick(choice.one);
    return (
      <>
        <Drawing name={say(words.graphOne, { version: lower(choice.one) })} graph={a.definition} />
        <Panel title={name} target={target}>
          <About work={a} version={versions.find(({ version }) => version === choice.one)} />
        </Panel>
      </>
    );
  }
  if (!a || !b) return <Skeleton />;
  return <Comparison choice={choice} a={a} b={b} target={target} />;
}

interface ComparisonProps {
  choice: { a: Pick; b: Pick };
  a: Work;
  b: Work;
  target: number | undefined;
}

function Comparison({ choice, a, b, target }: ComparisonProps) {
  const differences = useMemo(() => compare(a, b), [a, b]);
  const union = useMemo(() => unite(a.definition, b.definition, differences), [a, b, differences]);
  const [overlays] = useState(() => new OverlayStore());
  const [selected, select] = useSelected();
  useLayoutEffect(() => overlays.set(overlayOf(union, a.definition)), [overlays, union, a]);
  const names = { a: nameOfPick(choice.a), b: lower(choice.b) };
  const short = (pick: Pick) => (pick === "draft" ? words.lowerDraft : String(pick));
  return (
    <>
      <Drawing name={say(words.graph, names)} graph={union.graph} overlays={overlays} />
      <Panel
        title={words.differs}
        legend={say(words.legend, { a: short(choice.a), b: short(choice.b) })}
        target={target}
      >
        {differences.length === 0 && <p className="sec dim">{words.same}</p>}
        <Changes differences={differences} a={a.definition} b={b.definition} selected={selected} onSelect={select} />
      </Panel>
    </>
  );
}

interface DrawingProps {
  name: string;
  graph: Graph;
  overlays?: OverlayStore;
}

function Drawing({ name, graph, overlays }: DrawingProps) {
  const [none] = useState(() => new OverlayStore());
  const [selected, select] = useSelected();
  const outlined = useStore(outline);
  return (
    <section className="live-drawing only-wide" aria-label={name}>
      <Canvas graph={graph} overlays={overlays ?? none} selected={selected} onSelect={select} outline={outlined} />
    </section>
  );
}

interface PanelProps {
  title: string;
  legend?: string;
  target: number | undefined;
  children: React.ReactNode;
}

function Panel({ title, legend, target, children }: PanelProps) {
  return (
    <aside className="panel panel--end" aria-label={title}>
      <div className="panel-head">
        <h2 className="semi grow">{title}</h2>
        {legend && <span className="dim t2">{legend}</span>}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keys */}
      <div className="panel-body scroll" tabIndex={0} role="group" aria-label={title}>
        {children}
      </div>
      {target !== undefined && (
        <div className="ver-note only-wide">
          <p className="sentence">{rich(words.restoreNote, { draft: <b>{words.draftWord}</b>, n: String(target) })}</p>
        </div>
      )}
    </aside>
  );
}
