// What a journey reads: the attributes, properties and answers that its conditions and placeholders name.

import type { GraphNode, Work } from "../../../graph/types";
import { isObject, type Json, type JsonObject, scalarText } from "../../../json";
import { parsePath } from "./paths";

/** Where a field's value comes from. */
export type Source = "attribute" | "entry" | "event" | "decision" | "other";

/** A field that a journey reads, and the first test of it. */
export interface Read {
  source: Source;
  /** The path in the attributes, the properties or the answer. */
  names: string[];
  /** The decision's node. */
  nodeId?: string;
  test?: JsonObject;
  /** What the test must be for its condition to hold; true if absent. */
  wanted?: boolean;
}

/** Reads a condition's field. `own` is what `event.` means: the event that started the journey, or the one that is met. */
export function readField(field: string, own: "entry" | "event" = "entry"): Read | undefined {
  const names = parsePath(field);
  if (names === undefined) return undefined;
  const [root, ...rest] = names;
  if (rest.length === 0) return { source: "attribute", names };
  switch (root) {
    case "attributes":
      return { source: "attribute", names: rest };
    case "event":
      return { source: own, names: rest };
    case "entryEvent":
      return { source: "entry", names: rest };
    case "decision":
      return rest.length < 2 ? undefined : { source: "decision", nodeId: rest[0] ?? "", names: rest.slice(1) };
    case "step":
      return { source: "other", names };
    default:
      return { source: "attribute", names };
  }
}

/** A test of a condition, and what it must be for the condition to hold. */
interface Leaf {
  test: JsonObject;
  wanted: boolean;
}

/** The tests of a condition, with the groups around them left out. */
export function leavesOf(condition: Json | undefined, wanted = true): Leaf[] {
  if (!isObject(condition)) return [];
  const group = condition["all"] ?? condition["any"];
  if (Array.isArray(group)) return group.flatMap((part) => leavesOf(part, wanted));
  return condition["not"] === undefined ? [{ test: condition, wanted }] : leavesOf(condition["not"], !wanted);
}

function readsOf(condition: Json | undefined, own: "entry" | "event" = "entry"): Read[] {
  return leavesOf(condition).flatMap(({ test, wanted }) => {
    const read = typeof test["field"] === "string" ? readField(test["field"], own) : undefined;
    return read ? [{ ...read, test, wanted }] : [];
  });
}

/** The placeholders in the strings of a value. */
function placeholders(value: Json | undefined): Read[] {
  if (typeof value === "string") {
    return [...value.matchAll(/\{\{\s*([^}|]+?)\s*(?:\|[^}]*)?\}\}/g)].flatMap(([, field = ""]) =>
      field.startsWith("unsubscribe.") ? [] : (readField(field) ?? []),
    );
  }
  if (Array.isArray(value)) return value.flatMap(placeholders);
  return isObject(value) ? Object.values(value).flatMap(placeholders) : [];
}

/** An event that ends a wait or takes a customer out, or what is reported of a message. */
export interface Awaited {
  /** The way that it ends a wait by; `event` where it has no name of its own. */
  id: string;
  /** "" for a report. */
  eventType: string;
  /** The message that is reported of, and what; "" for an event. */
  step: string;
  is: string;
  condition?: Json | undefined;
  match?: Json | undefined;
}

/** The events that a wait waits for. */
export function awaitedOf(config: JsonObject): Awaited[] {
  const awaited = config["waitForEvent"];
  if (typeof awaited === "string") return [{ id: "event", eventType: awaited, step: "", is: "" }];
  const any = isObject(awaited) ? awaited["any"] : undefined;
  return Array.isArray(any) ? any.flatMap((event) => (isObject(event) ? [awaitedEvent(event)] : [])) : [];
}

function awaitedEvent(event: JsonObject): Awaited {
  return {
    id: String(event["id"] ?? ""),
    eventType: String(event["eventType"] ?? ""),
    step: String(event["step"] ?? ""),
    is: String(event["is"] ?? ""),
    condition: event["condition"],
    match: event["match"],
  };
}

/** The property of the entry event that another event must agree with. */
export function matched(match: Json | undefined): { event: string[]; entry: string[] } | undefined {
  if (!isObject(match) || typeof match["event"] !== "string" || typeof match["entry"] !== "string") return undefined;
  const event = parsePath(match["event"]);
  const entry = parsePath(match["entry"]);
  return event && entry ? { event, entry } : undefined;
}

function readsOfEvents(events: readonly Awaited[]): Read[] {
  return events.flatMap(({ condition, match }) => {
    const entry = matched(match)?.entry;
    return [...readsOf(condition, "event"), ...(entry ? [{ source: "entry" as const, names: entry }] : [])];
  });
}

function readsOfNode(node: GraphNode, addressOf: (channel: string) => string | undefined): Read[] {
  const config = node.config ?? {};
  switch (node.type) {
    case "entry_trigger":
    case "condition_split":
      return readsOf(config["condition"]);
    case "multi_split":
      return branchesOf(config).flatMap(({ condition }) => readsOf(condition));
    case "wait":
      return [...readsOfUntil(config["until"]), ...readsOfEvents(awaitedOf(config))];
    case "channel_action": {
      const address = parsePath(addressOf(String(config["channel"] ?? "")) ?? "");
      return [
        ...(address ? [{ source: "attribute" as const, names: address }] : []),
        ...placeholders(config["payload"]),
      ];
    }
    case "update_customer":
      return placeholders(config["set"]);
    default:
      return [];
  }
}

function readsOfUntil(until: Json | undefined): Read[] {
  const field = isObject(until) ? until["field"] : undefined;
  const read = typeof field === "string" ? readField(field) : undefined;
  return read ? [{ ...read, test: { operator: "within_next" } }] : [];
}

/** The branches of a split, each with its condition. */
export function branchesOf(config: JsonObject): { id: string; condition: Json | undefined }[] {
  const branches = config["branches"];
  return Array.isArray(branches)
    ? branches.flatMap((branch) =>
        isObject(branch) ? [{ id: String(branch["id"]), condition: branch["condition"] }] : [],
      )
    : [];
}

/** What a journey reads, each field once: the first test of it decides on the value that is suggested. */
export function readsOfJourney(
  work: Work,
  entryCondition: Json | undefined,
  addressOf: (channel: string) => string | undefined,
): Read[] {
  const exits = work.exitOn.flatMap((exit) => (isObject(exit) ? [awaitedEvent(exit)] : []));
  const goal = work.goal === null ? [] : [awaitedEvent(work.goal)];
  const all = [
    ...readsOf(entryCondition),
    ...work.definition.nodes.flatMap((node) => readsOfNode(node, addressOf)),
    ...readsOf(work.exitWhen?.["condition"]),
    ...readsOfEvents([...exits, ...goal]),
  ];
  const once = new Map<string, Read>();
  for (const read of all) {
    const key = JSON.stringify([read.source, read.nodeId, read.names]);
    const before = once.get(key);
    if (before === undefined || stronger(read.test, before.test)) once.set(key, read);
  }
  return [...once.values()];
}

/** Whether a test decides on the suggested value rather than another: any before none, the higher bound before the lower. */
function stronger(test: JsonObject | undefined, before: JsonObject | undefined): boolean {
  if (test === undefined || before === undefined) return before === undefined && test !== undefined;
  const isBound = ({ operator }: JsonObject) => operator === "gt" || operator === "gte";
  return isBound(test) && isBound(before) && Number(scalarText(test["value"])) > Number(scalarText(before["value"]));
}

/** The types of events that a journey knows: those that end waits, take customers out or are the goal. */
export function eventTypesOf(work: Work): string[] {
  const types = [
    ...work.definition.nodes.flatMap((node) => awaitedOf(node.config ?? {}).map(({ eventType }) => eventType)),
    ...work.exitOn.flatMap((exit) => (isObject(exit) ? [String(exit["eventType"] ?? "")] : [])),
    String(work.goal?.["eventType"] ?? ""),
  ];
  return [...new Set(types.filter(Boolean))];
}
