import type { Node, NodeProps } from "@xyflow/react";
import { memo } from "react";
import words from "#words/graph";
import { say } from "../say";
import { Icon } from "../ui/icon";
import { kindOf, nameOf } from "./describe";
import { useFact } from "./entry";
import type { Line } from "./flow";
import { handleKey } from "./keys";
import { type StepOverlay, useStepOverlay } from "./overlay";
import { startConnect } from "./pull";
import { useIs, useSurface } from "./surface";
import { type GraphNode, isNodeType } from "./types";

/** A way out of a step, and where it leaves it. */
interface Out {
  line: Line;
  x: number;
}

export type StepNode = Node<{ node: GraphNode; ways: readonly Out[]; leads: string; editable: boolean }, "step">;
export type EndNode = Node<{ line: Line; name: string; label: string; editable: boolean }, "end">;

/** The card of a step. */
export const Step = memo(function Step({ id, data }: NodeProps<StepNode>) {
  const { node, leads } = data;
  const surface = useSurface();
  const overlay = useStepOverlay(id);
  const selected = useIs(surface.selected, id);
  const focused = useIs(surface.focused, id);
  const { kind, icon, word } = kindOf(node);
  const name = nameOf(node);
  const fact = useFact(node);
  return (
    <>
      <button
        type="button"
        data-step={id}
        tabIndex={focused ? 0 : -1}
        className={classesOf(node, kind, selected, overlay)}
        aria-pressed={selected}
        aria-current={overlay?.className?.includes("is-now") ? "step" : undefined}
        aria-label={sentenceOf(word, name, fact, overlay, leads)}
        title={[`${word}: ${name}`, fact].filter(Boolean).join(", ")}
        onClick={() => surface.props?.onSelect(id)}
        onFocus={() => surface.focusIn(id)}
        onKeyDown={(event) => handleKey(event, surface, id)}
      >
        <span className="kind">
          <Icon name={icon} />
        </span>
        <span className="node-text">
          <span className="node-name">{name}</span>
          {overlay?.line ?? <SecondLine node={node} word={word} fact={fact} />}
        </span>
        {overlay?.end}
        {overlay?.badge && <Badge badge={overlay.badge} />}
      </button>
      {data.editable && data.ways.map(({ line, x }) => <Port key={line.key} line={line} x={x} />)}
    </>
  );
});

/** What a step is called by screen readers. */
export function sentenceOf(word: string, name: string, fact: string, overlay: StepOverlay | undefined, leads: string) {
  const what = name === word ? word : `${word}: ${name}`;
  const first = [what, fact].filter(Boolean).join(", ");
  return [`${first}.`, overlay?.says && `${overlay.says}.`, leads].filter(Boolean).join(" ");
}

function classesOf(node: GraphNode, kind: string, selected: boolean, overlay: StepOverlay | undefined): string {
  const exit = node.type === "exit";
  return [
    `node ${kind}`,
    exit && "node--exit",
    kind === "k-unknown" && "is-unknown",
    selected && "is-selected",
    overlay?.className,
  ]
    .filter(Boolean)
    .join(" ");
}

function SecondLine({ node, word, fact }: { node: GraphNode; word: string; fact: string }) {
  if (node.type === "exit") return <span className="node-sub">{nameOf(node) === word && fact ? fact : word}</span>;
  if (!isNodeType(node.type)) return <span className="node-sub">{[word, fact].join(", ")}</span>;
  return (
    <span className="node-sub">
      <b>{word}</b>
      {fact && ` · ${fact}`}
    </span>
  );
}

const badgeClass = {
  bad: "badge--bad",
  warn: "badge--warn",
  added: "badge--ok",
  removed: "badge--removed",
  changed: "badge--changed",
} as const;

/** On the corner of a step: a count of faults, or the word of a difference. */
export function Badge({ badge }: { badge: NonNullable<StepOverlay["badge"]> }) {
  return (
    <span className={`badge ${badgeClass[badge.tone]}`}>
      <Icon name={badge.icon} />
      {badge.text}
    </span>
  );
}

/** Where a way leaves a step: it can be dragged to another one. */
function Port({ line, x }: { line: Line; x: number }) {
  const surface = useSurface();
  return (
    <span
      className="port nopan"
      style={{ left: x }}
      title={words.port}
      onPointerDown={(event) => startConnect(event, surface, line)}
    />
  );
}

/** The end of a way that leads nowhere, or back. */
export const End = memo(function End({ id, data }: NodeProps<EndNode>) {
  const { line, name, label } = data;
  const surface = useSurface();
  const focused = useIs(surface.focused, id);
  const back = line.target;
  const run = (anchor: HTMLElement) => {
    if (back !== null) surface.props?.onSelect(back);
    else surface.props?.onInsert?.({ source: line.source, handle: line.way.handle }, anchor);
  };
  return (
    <button
      type="button"
      data-step={id}
      tabIndex={focused ? 0 : -1}
      className="open-end"
      aria-label={back === null && data.editable ? `${label}. ${say(words.addAfter, { source: name })}` : label}
      onClick={(event) => run(event.currentTarget)}
      onFocus={() => surface.focusIn(id)}
      onKeyDown={(event) => handleKey(event, surface, id)}
    >
      {back === null && data.editable && <Icon name="plus" small />}
      {back !== null && <Icon name={line.jumps === "back" ? "undo" : "arrow-right"} small />}
      <span className="cut">{label}</span>
    </button>
  );
});
