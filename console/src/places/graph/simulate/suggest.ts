// Personas that are made from the graph.

import type { Graph, GraphNode, Work } from "../../../graph/types";
import type { Json } from "../../../json";
import { isObject, scalarText } from "../../../json";
import type { Line } from "./coverage";
import { linesOf } from "./coverage";
import { valueAt, withValue } from "./paths";
import { entryOf, type PersonaEvent, type PersonaTest } from "./personas";
import { awaitedOf, branchesOf, leavesOf, matched, type Read, readField, readsOfJourney } from "./reads";
import { periodMs, round, sample, satisfy, valueFor, withRead, withReport } from "./solve";

/** What suggestions need to know beside the graph. */
export interface Setting {
  work: Work;
  /** The event that starts the journey, and for which customers. */
  entryCondition: Json | undefined;
  /** The attribute that holds the address for a channel. */
  addressOf: (channel: string) => string | undefined;
}

/** The type of the event that starts a journey; undefined if calls start it. */
export function entryType({ work, entryCondition }: Setting): string | undefined {
  const config = entryOf(work.definition)?.config?.["eventType"];
  const event = isObject(entryCondition) ? entryCondition["event"] : undefined;
  return [config, event].find((type) => typeof type === "string" && type !== "") as string | undefined;
}

function readsOf(setting: Setting): Read[] {
  const { work, entryCondition, addressOf } = setting;
  return readsOfJourney(work, isObject(entryCondition) ? entryCondition["condition"] : undefined, addressOf);
}

/** A persona with everything that the journey reads, so that its entry and its conditions are met. */
export function suggestTest(setting: Setting): PersonaTest {
  const type = entryType(setting);
  const test: PersonaTest = type === undefined ? {} : { entryEvent: { type } };
  const filled = readsOf(setting)
    .filter((read) => !staysAway(read))
    .reduce<PersonaTest>((t, read) => {
      const value = read.test ? valueFor(read.test, read.wanted !== false, read.names) : sample(read.names);
      return withRead(t, read, value ?? sample(read.names));
    }, test);
  return enters(setting, leaves(setting, filled));
}

/** A test of a missing field suggests to leave the field away. */
function staysAway({ test, wanted = true }: Read): boolean {
  return test?.["operator"] === "exists" && (test["value"] === false) === wanted;
}

/** The fields that a journey reads and a persona has not. */
export function missingReads(setting: Setting, test: PersonaTest): Read[] {
  return readsOf(setting).filter(({ source, names }) => {
    if (source === "attribute") return valueAt(test.customerAttributes, names) === undefined;
    return (
      source === "entry" && test.entryEvent !== undefined && valueAt(test.entryEvent.properties, names) === undefined
    );
  });
}

/** Meets the condition of the entry. */
function enters({ work, entryCondition }: Setting, test: PersonaTest): PersonaTest {
  const own = entryOf(work.definition)?.config?.["condition"];
  const outer = isObject(entryCondition) ? entryCondition["condition"] : undefined;
  return satisfy(satisfy(test, own, true, 0), outer, true, 0);
}

/** Fails the condition that takes customers out. */
function leaves({ work }: Setting, test: PersonaTest): PersonaTest {
  return satisfy(test, work.exitWhen?.["condition"], false, 0);
}

/** The lines from the entry to a line, itself included; undefined if none lead there. */
export function wayTo(graph: Graph, line: Line): Line[] | undefined {
  const entry = entryOf(graph);
  if (entry === undefined) return undefined;
  const all = linesOf(graph);
  const came = new Map<string, Line | null>([[entry.id, null]]);
  const queue = [entry.id];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    for (const next of all) {
      if (next.node.id !== id || came.has(next.target)) continue;
      came.set(next.target, next);
      queue.push(next.target);
    }
  }
  const way = [line];
  for (let back = came.get(line.node.id); back !== null; back = came.get(back.node.id)) {
    if (back === undefined || way.length > all.length) return undefined;
    way.unshift(back);
  }
  return way;
}

/** A persona that probably takes a line. The simulation says whether it does. */
export function testFor(setting: Setting, line: Line, base: PersonaTest): PersonaTest {
  const way = wayTo(setting.work.definition, line) ?? [line];
  let hours = 0;
  const { feedback: _, ...own } = base;
  let test: PersonaTest = enters(setting, { ...own, events: [], branches: {} });
  for (const { node, way: out } of way) {
    test = take(test, node, out.handle, hours);
    hours += delayOf(node);
  }
  const { events = [], branches = {}, ...rest } = test;
  return {
    ...rest,
    ...(events.length > 0 ? { events } : {}),
    ...(Object.keys(branches).length > 0 ? { branches } : {}),
  };
}

function take(test: PersonaTest, node: GraphNode, handle: string | null, hours: number): PersonaTest {
  const config = node.config ?? {};
  switch (node.type) {
    case "condition_split":
      return satisfy(test, config["condition"], handle === "true", hours);
    case "multi_split": {
      const branches = branchesOf(config);
      const mine = branches.findIndex(({ id }) => id === handle);
      const before = mine < 0 ? branches : branches.slice(0, mine);
      const refused = before.reduce<PersonaTest>((t, { condition }) => satisfy(t, condition, false, hours), test);
      return mine < 0 ? refused : satisfy(refused, branches[mine]?.condition, true, hours);
    }
    case "random_split":
      return handle === null ? test : { ...test, branches: { ...test.branches, [node.id]: handle } };
    case "wait": {
      const event = awaitedOf(config).find(({ id }) => id === handle);
      return event ? withEvent(test, node, event, hours) : test;
    }
    default:
      return test;
  }
}

/** Adds the event that ends a wait, half-way in it. */
function withEvent(
  test: PersonaTest,
  node: GraphNode,
  awaited: ReturnType<typeof awaitedOf>[number],
  hours: number,
): PersonaTest {
  const later = Math.min(delayOf(node) / 2 || 1, 24);
  if (awaited.step !== "") {
    return withReport(test, { step: awaited.step, is: awaited.is, afterHours: round(later) }, true);
  }
  let properties = {};
  let next = test;
  const match = matched(awaited.match);
  if (match) {
    const value = valueAt(test.entryEvent?.properties, match.entry) ?? sample(match.entry);
    properties = withValue(properties, match.event, value);
    next = withRead(next, { source: "entry", names: match.entry }, value);
  }
  for (const { test: leaf, wanted } of leavesOf(awaited.condition)) {
    const read = typeof leaf["field"] === "string" ? readField(leaf["field"], "event") : undefined;
    const value = read && valueFor(leaf, wanted, read.names);
    if (read?.source === "event" && value !== undefined) properties = withValue(properties, read.names, value);
  }
  const event: PersonaEvent = {
    type: awaited.eventType,
    afterHours: round(hours + later),
  };
  if (Object.keys(properties).length > 0) event.properties = properties;
  return { ...next, events: [...(next.events ?? []), event] };
}

/** An event of a type, for the same cart as the entry wherever the journey asks for that. */
export function matchingEvent(work: Work, { entryEvent }: PersonaTest, type: string, afterHours: number): PersonaEvent {
  const rules = [
    ...work.exitOn.filter(isObject),
    ...(isObject(work.goal) ? [work.goal] : []),
    ...work.definition.nodes.flatMap(({ config }) => awaitedOf(config ?? {})),
  ];
  let properties = {};
  for (const rule of rules) {
    const match = rule["eventType"] === type ? matched(rule["match"]) : undefined;
    const value = match && valueAt(entryEvent?.properties, match.entry);
    if (match && value !== undefined) properties = withValue(properties, match.event, value);
  }
  return Object.keys(properties).length > 0 ? { type, afterHours, properties } : { type, afterHours };
}

/** About how long a wait takes without its event, in hours. */
function delayOf(node: GraphNode): number {
  if (node.type !== "wait") return 0;
  const config = node.config ?? {};
  const hours = Number(scalarText(config["delayHours"] ?? 0)) || periodMs(config["delay"]) / 3_600_000;
  return hours || 24;
}
