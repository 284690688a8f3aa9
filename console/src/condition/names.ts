// The names that a condition, a placeholder or a date can use at a step.
import words from "#words/condition";
import type { Schemas } from "../api";
import { type Graph, type GraphNode, reports } from "../graph/types";
import { awaitedIds, waysOf } from "../graph/ways";
import { isObject, scalarText } from "../json";
import type { Kind } from "./values";

/** Where a condition stands: what it can ask for depends on it. */
export interface Context {
  names: Schemas["Names"] | undefined;
  graph: Graph;
  /** The step; null for a setting of the journey. */
  nodeId: string | null;
  /** The type of the event that starts the journey; "" if none does. */
  entryEvent: string;
  /** In the condition of an awaited event, an exit or a goal: the type of this event. */
  ownEvent?: string;
  /** In the condition of an entry: no step was passed yet. */
  atEntry?: boolean;
  limits?: Schemas["Limits"] | undefined;
}

/** A name with what it is, for completion. */
export interface Name {
  path: string;
  kind: Kind;
  /** Whose name it is, in words. */
  of: string;
}

/** Returns the names for conditions at a place. */
export function namesAt(context: Context): Name[] {
  const { names, entryEvent, ownEvent } = context;
  const own = ownEvent === undefined ? [] : propertiesOf(names, ownEvent, "event", words.ofThisEvent);
  const entry = propertiesOf(names, entryEvent, ownEvent === undefined ? "event" : "entryEvent", words.ofEntryEvent);
  return [...attributesOf(names), ...own, ...entry, ...(context.atEntry ? [] : stepNames(context))];
}

/** Returns the names for the placeholders of payloads at a place. */
export function placeholdersAt(context: Context): Name[] {
  const { ownEvent: _, ...rest } = context;
  return namesAt(rest).map((name) =>
    name.of === words.ofPerson
      ? { ...name, path: join("attributes", name.path.replace(/^attributes\.(?=.)/, "")) }
      : name,
  );
}

/** Returns the attributes of people. */
export function attributesOf(names: Schemas["Names"] | undefined): Name[] {
  return (names?.attributes ?? []).map(({ path, kinds }) => ({ path, kind: oneKind(kinds), of: words.ofPerson }));
}

/** Returns the properties of an event type, as `match` spells them, or after a prefix. */
export function propertiesOf(names: Schemas["Names"] | undefined, type: string, prefix = "", of = ""): Name[] {
  const event = names?.eventTypes.find(({ name }) => name === type);
  return (event?.properties ?? []).map(({ path, kinds }) => ({ path: join(prefix, path), kind: oneKind(kinds), of }));
}

/** The event that the service makes when a person unsubscribes. */
export const unsubscribed = "$unsubscribed";

/** Returns the names of the events that were seen, and of the one that the service makes. */
export function eventTypesOf(names: Schemas["Names"] | undefined): string[] {
  return [...new Set([...(names?.eventTypes ?? []).map(({ name }) => name), unsubscribed])];
}

function join(prefix: string, path: string): string {
  return prefix === "" || path.startsWith("[") ? `${prefix}${path}` : `${prefix}.${path}`;
}

function oneKind(kinds: readonly Schemas["ValueKind"][]): Kind {
  const [kind, other] = kinds.flatMap((one) => (one === "null" ? [] : one));
  return other === undefined ? kind : undefined;
}

function stepNames({ names, graph, nodeId }: Context): Name[] {
  return stepsBefore(graph, nodeId).flatMap((node) => {
    const of = labelOf(node);
    const step = `step.${node.id}`;
    const all: Name[] = node.type === "exit" ? [] : [{ path: `${step}.result`, kind: "string", of }];
    if (node.type === "channel_action") {
      all.push(...reports.map((kind) => ({ path: `${step}.${kind}`, kind: "boolean" as const, of })));
    }
    if (node.type === "nba_decision") all.push({ path: `decision.${node.id}.`, kind: undefined, of });
    for (const type of awaitedTypes(node)) all.push(...propertiesOf(names, type, `${step}.event`, of));
    const keep = node.config?.["keep"];
    if (Array.isArray(keep)) {
      all.push(...keep.map((path) => ({ path: join(`${step}.answer`, scalarText(path)), kind: undefined, of })));
    }
    return all;
  });
}

/** The name of a step: its label, or its id. */
export function labelOf(node: GraphNode): string {
  const data = node["data"];
  const label = node.label ?? (isObject(data) ? data["label"] : undefined);
  return typeof label === "string" && label !== "" ? label : node.id;
}

/** Returns the steps that can come before a step, nearest first; all of them for a setting of the journey. */
export function stepsBefore(graph: Graph, nodeId: string | null): GraphNode[] {
  if (nodeId === null) return graph.nodes;
  const seen = new Set<string>();
  let layer = [nodeId];
  while (layer.length > 0) {
    const sources = graph.edges.filter(({ target }) => layer.includes(target)).map(({ source }) => source);
    layer = [...new Set(sources)].filter((id) => !seen.has(id) && id !== nodeId);
    for (const id of layer) seen.add(id);
  }
  return [...seen].flatMap((id) => graph.nodes.find((node) => node.id === id) ?? []);
}

function awaitedTypes(node: GraphNode): string[] {
  const awaited = node.config?.["waitForEvent"];
  if (node.type !== "wait" || awaited === undefined || awaited === null) return [];
  const any = isObject(awaited) ? awaited["any"] : [{ eventType: awaited }];
  return Array.isArray(any) ? any.flatMap((event) => (isObject(event) ? [scalarText(event["eventType"])] : [])) : [];
}

/** Returns the values that `step.<id>.result` can have, for completion; [] for another field. */
export function resultsOf(graph: Graph, field: string): string[] {
  const id = /^step\.([A-Za-z0-9_-]+)\.result$/.exec(field)?.[1];
  const node = graph.nodes.find((one) => one.id === id);
  if (!node) return [];
  if (node.type === "wait" && awaitedIds(node.config ?? {}).length === 0) return ["waited", "error"];
  const own: Record<string, string[]> = {
    entry_trigger: ["entered", "error"],
    wait: ["waited", "woken", "error"],
    nba_decision: ["decided", "empty", "error"],
    channel_action: [
      "sent",
      "skipped_no_address",
      "skipped_unsubscribed",
      "skipped_suppressed",
      "skipped_uncertain",
      "error",
    ],
    update_customer: ["updated", "error"],
  };
  const ways = waysOf(node, graph.edges).flatMap(({ handle }) => handle ?? []);
  return ways.length > 0 ? ways : (own[node.type] ?? []);
}
