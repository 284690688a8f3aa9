// What the canvas draws, made from a layout. Objects stay the same as long as nothing of them changes.
import { useRef } from "react";
import words from "#words/graph";
import { say } from "../say";
import { nameOf, wayName, wayParts } from "./describe";
import type { Flow, Line, Stop } from "./flow";
import type { Layout } from "./layout";
import type { LineView } from "./line";
import { isEnd } from "./measures";
import type { EndNode, StepNode } from "./step";
import type { GraphNode } from "./types";

export type AnyNode = StepNode | EndNode;

/** Where the ways of a step lead, as sentences. */
export function leadsOf(stop: Stop, flow: Flow): string {
  const named = (id: string) => {
    const node = flow.stops.get(id)?.node;
    return node ? nameOf(node) : id;
  };
  if (stop.out.length === 0) return "";
  const parts = stop.out.map((line) => {
    const target =
      line.target === null
        ? words.nowhere
        : line.jumps === "back"
          ? say(words.backTo, { target: named(line.target) })
          : named(line.target);
    const way = wayName(stop.node, line.way);
    return way === "" ? target : say(words.leadsBy, { target, way });
  });
  return say(words.leads, { list: parts.join(", ") });
}

/** The nodes for React Flow. */
export function nodesOf(drawn: Layout, editable: boolean): AnyNode[] {
  const { flow, boxes } = drawn;
  const ports = new Map(drawn.lines.map(({ line, points }) => [line, points[0]?.x]));
  const nodes: AnyNode[] = [];
  for (const box of boxes.values()) {
    const { line } = box;
    const stop = flow.stops.get(line ? line.source : box.id);
    if (!stop) continue;
    const shared = {
      id: box.id,
      position: { x: box.x, y: box.y },
      width: box.width,
      height: box.height,
      // The button inside has the role, the name and the focus.
      domAttributes: noAria,
    };
    if (line) {
      const target = line.target === null ? undefined : flow.stops.get(line.target)?.node;
      const label = endLabel(line, target);
      nodes.push({ ...shared, type: "end", data: { line, name: nameOf(stop.node), label, editable } });
    } else {
      const ways = stop.out.map((out) => ({ line: out, x: (ports.get(out) ?? box.x) - box.x }));
      const data = { node: stop.node, ways, leads: leadsOf(stop, flow), editable };
      nodes.push({ ...shared, type: "step", data });
    }
  }
  return nodes;
}

/** What stands at the end of a way that leads nowhere, or back. */
export function endLabel(line: Line, target: GraphNode | undefined): string {
  if (!target) return words.nowhereButton;
  return say(line.jumps === "back" ? words.backButton : words.onButton, { target: nameOf(target) });
}

const noAria = { "aria-roledescription": undefined };

/** The lines with their names. */
export function linesOf(drawn: Layout, editable: boolean): LineView[] {
  return drawn.lines.map(({ line, points, label, plus, lane, lanes }) => {
    const source = drawn.flow.stops.get(line.source)?.node;
    const target = line.target === null ? undefined : drawn.flow.stops.get(line.target)?.node;
    const parts = source ? wayParts(source, line.way) : { share: "", name: line.way.name };
    return {
      key: line.key,
      source: line.source,
      handle: line.way.handle,
      ...parts,
      from: source ? nameOf(source) : "",
      to: target ? nameOf(target) : "",
      points,
      label,
      plus,
      lane,
      lanes,
      end: isEnd(line),
      editable,
    };
  });
}

/** Returns the list with those of its last objects that say the same. */
export function useStable<T>(list: T[], key: (item: T) => string, says: (item: T) => string): T[] {
  const before = useRef(new Map<string, { item: T; says: string }>());
  const last = useRef<{ from: T[]; to: T[] }>({ from: [], to: [] });
  if (last.current.from === list) return last.current.to;
  const next = new Map<string, { item: T; says: string }>();
  for (const item of list) {
    const text = says(item);
    const old = before.current.get(key(item));
    next.set(key(item), old?.says === text ? old : { item, says: text });
  }
  before.current = next;
  last.current = { from: list, to: [...next.values()].map((entry) => entry.item) };
  return last.current.to;
}
