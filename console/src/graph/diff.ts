import words from "#words/diff";
import { isObject, type Json, type JsonObject, same } from "../json";
import { say } from "../say";
import { type Leaf, type Leaves, nodeLeaves, settingLeaves } from "./leaves";
import { edgeSlots, nodesById } from "./slots";
import type { Graph, GraphEdge, GraphNode, Work } from "./types";

/** A field that differs, in words. What is not there is said so. */
export interface FieldDifference {
  name: string;
  before: string;
  after: string;
}

/** A step or a setting that differs. */
export interface Difference {
  kind: "added" | "removed" | "changed";
  /** The step; null for a setting of the journey. */
  nodeId: string | null;
  setting?: string;
  /** Empty for a step that was added or removed. */
  fields: FieldDifference[];
}

const settings = ["timezone", "goal", "exitOn", "exitWhen"] as const;

/**
 * Returns what differs from `a` to `b`: steps in the order of `b`, then removed ones, then settings. The order of
 * keys, steps and edges is no difference, nor is where a step was drawn.
 */
export function compare(a: Work, b: Work): Difference[] {
  return [...compareGraphs(a.definition, b.definition), ...settings.flatMap((name) => compareSetting(name, a, b))];
}

function compareSetting(name: (typeof settings)[number], a: Work, b: Work): Difference[] {
  const [before, after] = [a[name], b[name]];
  const fields = compareLeaves(settingLeaves(name, before), settingLeaves(name, after));
  if (fields.length === 0) return [];
  const absent = (value: Json | undefined) => value === null || (Array.isArray(value) && value.length === 0);
  return [
    { kind: absent(before) ? "added" : absent(after) ? "removed" : "changed", nodeId: null, setting: name, fields },
  ];
}

function compareGraphs(a: Graph, b: Graph): Difference[] {
  const [before, after] = [nodesById(a), nodesById(b)];
  const ways = new WayDifferences(a, b);
  const differences: Difference[] = [];
  for (const node of b.nodes) {
    const old = before.get(node.id);
    if (!old) differences.push({ kind: "added", nodeId: node.id, fields: [] });
    else {
      const fields = [...compareLeaves(nodeLeaves(old), nodeLeaves(node)), ...ways.of(node.id)];
      if (fields.length > 0) differences.push({ kind: "changed", nodeId: node.id, fields });
    }
  }
  for (const node of a.nodes) {
    if (!after.has(node.id)) differences.push({ kind: "removed", nodeId: node.id, fields: [] });
  }
  return differences;
}

function compareLeaves(before: Leaves, after: Leaves): FieldDifference[] {
  const fields: FieldDifference[] = [];
  for (const key of new Set([...after.keys(), ...before.keys()])) {
    const [a, b] = [before.get(key), after.get(key)];
    if (same(a?.value, b?.value)) continue;
    const alike = a?.text === b?.text;
    const text = (leaf: Leaf | undefined) => (leaf ? (alike ? leaf.raw : leaf.text) : words.none);
    if (text(a) === text(b)) continue; // the same share of a larger whole
    const [from, to] = excerpts(text(a), text(b));
    fields.push({ name: (b ?? a)?.name ?? key, before: from, after: to });
  }
  const order = compareOrder(before, after);
  return order ? [...fields, order] : fields;
}

/** The order of a split's ways decides who takes which; only those on both sides are compared. */
function compareOrder(before: Leaves, after: Leaves): FieldDifference | undefined {
  const ids = (one: Leaves, other: Leaves) =>
    [...one].flatMap(([key, leaf]) => (key.startsWith("branch ") && other.has(key) ? [leaf.name] : [])).join(", ");
  const [from, to] = [ids(before, after), ids(after, before)];
  return from === to ? undefined : { name: words.order, before: from, after: to };
}

const longest = 160;

/** Cuts two long texts to where they begin to differ. */
function excerpts(a: string, b: string): [string, string] {
  if (a.length <= longest && b.length <= longest) return [a, b];
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  start = Math.max(0, start - 40);
  const cut = (text: string) =>
    (start > 0 ? "…" : "") + text.slice(start, start + longest) + (text.length > start + longest ? "…" : "");
  return [cut(a), cut(b)];
}

/** Where the ways of steps lead. A step that was put between two others, or taken out, is no change of its neighbors. */
class WayDifferences {
  readonly #before: Side;
  readonly #after: Side;

  constructor(a: Graph, b: Graph) {
    this.#before = new Side(a);
    this.#after = new Side(b);
  }

  of(id: string): FieldDifference[] {
    const slots = new Set([...this.#before.slotsOf(id), ...this.#after.slotsOf(id)]);
    return [...slots].flatMap((slot) => {
      const [from, to] = [this.#before.edges.get(slot), this.#after.edges.get(slot)];
      if (from?.target === to?.target) return [];
      if (!from && to && !this.#before.nodes.has(to.target)) return []; // leads to an added step, which says so
      if (!to && from && !this.#after.nodes.has(from.target)) return [];
      if (from && to && this.#before.pastOf(from, this.#after) === this.#after.pastOf(to, this.#before)) return [];
      const handle = (to ?? from)?.sourceHandle;
      const name =
        handle && slot.startsWith(JSON.stringify([id, handle])) ? say(words.wayOf, { way: handle }) : words.way;
      const nameOf = (side: Side, edge: GraphEdge | undefined) => (edge ? side.nameOf(edge.target) : words.nowhere);
      return [{ name, before: nameOf(this.#before, from), after: nameOf(this.#after, to) }];
    });
  }
}

class Side {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly edges: ReadonlyMap<string, GraphEdge>;
  readonly #slots = new Map<string, string[]>();

  constructor(graph: Graph) {
    this.nodes = nodesById(graph);
    this.edges = edgeSlots(graph);
    for (const [slot, edge] of this.edges) {
      this.#slots.set(edge.source, [...(this.#slots.get(edge.source) ?? []), slot]);
    }
  }

  slotsOf(id: string): readonly string[] {
    return this.#slots.get(id) ?? [];
  }

  /** Where an edge leads, past the steps with one way that the other side does not have. */
  pastOf(edge: GraphEdge, other: Side): string {
    let at = edge.target;
    for (const seen = new Set<string>(); !other.nodes.has(at) && !seen.has(at); ) {
      seen.add(at);
      const out = this.slotsOf(at);
      const next = out.length === 1 ? this.edges.get(out[0] ?? "") : undefined;
      if (!next) break;
      at = next.target;
    }
    return at;
  }

  nameOf(id: string): string {
    const node = this.nodes.get(id);
    const data: JsonObject = isObject(node?.["data"]) ? node["data"] : {};
    const name = node?.label || data["label"];
    return typeof name === "string" && name !== "" ? name : id;
  }
}
