import { memo, type ReactNode } from "react";
import words from "#words/graph";
import { say } from "../say";
import { Icon } from "../ui/icon";
import { kindOf, nameOf, wayName } from "./describe";
import { useFact } from "./entry";
import type { Flow, Line, Stop } from "./flow";
import { handleKey } from "./keys";
import type { Layout } from "./layout";
import { endId, isEnd } from "./measures";
import { useLineOverlay, useStepOverlay } from "./overlay";
import { Badge, sentenceOf } from "./step";
import { useIs, useSurface } from "./surface";
import { Tile } from "./tile";
import type { GraphNode } from "./types";
import { endLabel, leadsOf } from "./views";

/** The graph as a nested list, with the same commands: for screen readers, phones and long journeys. */
export const Outline = memo(function Outline({ drawn, editable }: { drawn: Layout; editable: boolean }) {
  const { flow } = drawn;
  const joins = new Map<string, Stop[]>();
  for (const stop of flow.stops.values()) {
    if (stop.into.length < 2 || stop.before === null) continue;
    joins.set(stop.before, [...(joins.get(stop.before) ?? []), stop]);
  }
  return (
    <div className="outline">
      <ul>
        {flow.starts.map((id) => (
          <Chain key={id} flow={flow} joins={joins} id={id} editable={editable} />
        ))}
      </ul>
    </div>
  );
});

interface ChainProps {
  flow: Flow;
  joins: ReadonlyMap<string, Stop[]>;
  id: string;
  editable: boolean;
}

/** A step, and what follows it up to where ways join. */
function Chain({ id, ...rest }: ChainProps) {
  const rows: ReactNode[] = [];
  let next: string | null = id;
  while (next !== null) {
    const stop = rest.flow.stops.get(next);
    if (!stop) break;
    rows.push(<StepRow key={next} node={stop.node} leads={leadsOf(stop, rest.flow)} editable={rest.editable} />);
    next = null;
    const [only] = stop.out;
    if (stop.out.length > 1) rows.push(<Ways key={`ways of ${stop.node.id}`} stop={stop} {...rest} />);
    else if (only && isEnd(only)) rows.push(<EndRow key={only.key} line={only} {...rest} />);
    else if (only && rest.flow.stops.get(only.target ?? "")?.into.length === 1) next = only.target;
  }
  return rows;
}

/** The ways out of a step, each with what follows, then where they meet again. */
function Ways({ stop, ...rest }: { stop: Stop } & Omit<ChainProps, "id">) {
  return (
    <>
      {stop.out.map((line) => (
        <WayRow key={line.key} line={line} name={wayName(stop.node, line.way)} {...rest} />
      ))}
      {rest.joins.get(stop.node.id)?.map((join) => (
        <li key={join.node.id}>
          <div className="oway">
            <Icon name="chevron-right" small />
            <span>{say(words.meet, { ways: waysInto(join, stop, rest.flow).join(` ${words.and} `) })}</span>
          </div>
          <ul>
            <Chain id={join.node.id} {...rest} />
          </ul>
        </li>
      ))}
    </>
  );
}

/** The names of the ways of a step that meet in a join below it. */
function waysInto(join: Stop, stop: Stop, flow: Flow): string[] {
  const found = new Set<Line>();
  const climb = (line: Line) => {
    if (line.source === stop.node.id) {
      found.add(line);
      return;
    }
    let at = flow.stops.get(line.source);
    while (at && at.before !== null && at.before !== stop.node.id) at = flow.stops.get(at.before);
    for (const into of at?.into ?? []) climb(into);
  };
  for (const line of join.into) climb(line);
  return stop.out.filter((line) => found.has(line)).map((line) => wayName(stop.node, line.way));
}

function WayRow({ line, name, ...rest }: { line: Line; name: string } & Omit<ChainProps, "id">) {
  if (isEnd(line)) return <EndRow line={line} name={name} {...rest} />;
  const target = rest.flow.stops.get(line.target ?? "");
  if (!target) return null;
  if (target.node.type === "exit" && target.into.length === 1) {
    return <StepRow node={target.node} leads="" editable={rest.editable} way={{ line, name }} />;
  }
  return (
    <li>
      <Way line={line} name={name} joins={target.into.length > 1 ? nameOf(target.node) : ""} />
      {target.into.length === 1 && (
        <ul>
          <Chain id={target.node.id} {...rest} />
        </ul>
      )}
    </li>
  );
}

function Way({ line, name, joins }: { line: Line; name: string; joins: string }) {
  const figure = useLineOverlay(line.key)?.figure;
  return (
    <div className="oway">
      <Icon name="chevron-right" small />
      <b className="cut">{name}</b>
      {joins && <span className="cut">{say(words.goesOn, { target: joins })}</span>}
      {figure !== undefined && <span className="push">{figure}</span>}
    </div>
  );
}

interface StepRowProps {
  node: GraphNode;
  leads: string;
  editable: boolean;
  /** The way that ends in this exit, which then stands in the same row. */
  way?: { line: Line; name: string };
}

const StepRow = memo(function StepRow({ node, leads, editable, way }: StepRowProps) {
  const surface = useSurface();
  const { id } = node;
  const overlay = useStepOverlay(id);
  const selected = useIs(surface.selected, id);
  const focused = useIs(surface.focused, id);
  const look = kindOf(node);
  const name = nameOf(node);
  const fact = useFact(node);
  const exit = node.type === "exit";
  const sub = overlay?.outline?.sub ?? (exit ? undefined : overlay?.line);
  const end = overlay?.outline?.end ?? overlay?.end ?? (exit ? overlay?.line : undefined);
  const label = sentenceOf(look.word, name, fact, overlay, leads);
  return (
    <li className="orow">
      <button
        type="button"
        data-step={id}
        tabIndex={focused ? 0 : -1}
        className={`${way ? "oway oway--exit" : "ostep"} ${overlay?.className ?? ""}`}
        aria-current={selected ? "true" : undefined}
        aria-label={way ? `${way.name}: ${label}` : label}
        onClick={() => surface.props?.onSelect(id)}
        onFocus={() => surface.focusIn(id)}
        onKeyDown={(event) => handleKey(event, surface, id)}
      >
        {way && <Icon name="chevron-right" small />}
        {way && <b>{way.name}</b>}
        <Tile of={look} small={way !== undefined} />
        {way ? (
          <span className="cut">{name}</span>
        ) : (
          <span className="col">
            <span className="med cut">{name}</span>
            <span className="t2 dim cut">{sub ?? [look.word, fact].filter(Boolean).join(", ")}</span>
          </span>
        )}
        <span className="num push">
          {overlay?.badge && <Badge badge={overlay.badge} />}
          {end}
        </span>
      </button>
      {editable && !exit && <AddAfter id={id} name={name} />}
    </li>
  );
});

function AddAfter({ id, name }: { id: string; name: string }) {
  const surface = useSurface();
  const label = say(words.addAfter, { source: name });
  return (
    <button
      type="button"
      tabIndex={-1}
      className="btn btn--s btn--icon oplus"
      aria-label={label}
      title={label}
      onClick={(event) => {
        const line = surface.layout?.flow.stops.get(id)?.out.find((l, _, all) => all.length === 1 || l.target === null);
        const gap = {
          source: id,
          handle: line?.way.handle ?? surface.layout?.flow.stops.get(id)?.out[0]?.way.handle ?? null,
        };
        surface.props?.onInsert?.(gap, event.currentTarget);
      }}
    >
      <Icon name="plus" small />
    </button>
  );
}

/** A way that leads nowhere, or back. */
function EndRow({ line, name = "", flow, editable }: { line: Line; name?: string } & Omit<ChainProps, "id">) {
  const surface = useSurface();
  const id = endId(line);
  const focused = useIs(surface.focused, id);
  const target = line.target === null ? undefined : flow.stops.get(line.target)?.node;
  const says = endLabel(line, target);
  return (
    <li>
      <button
        type="button"
        data-step={id}
        tabIndex={focused ? 0 : -1}
        className="oway oway--exit oway--open"
        onClick={(event) => {
          if (target) surface.props?.onSelect(target.id);
          else surface.props?.onInsert?.({ source: line.source, handle: line.way.handle }, event.currentTarget);
        }}
        onFocus={() => surface.focusIn(id)}
        onKeyDown={(event) => handleKey(event, surface, id)}
      >
        <Icon name="chevron-right" small />
        {name && <b>{name}</b>}
        <span className="bad med">{says}</span>
        {!target && editable && <Icon name="plus" small />}
      </button>
    </li>
  );
}
