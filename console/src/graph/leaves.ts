// What a step or a setting says, field by field, so that two of them can be compared in words.
import words from "#words/diff";
import { sentence } from "../condition/sentence";
import { isObject, type Json, type JsonObject, numberOf, scalarText } from "../json";
import { type Message, say } from "../say";
import type { GraphNode } from "./types";

/** A field with its value, in words. */
export interface Leaf {
  name: string;
  value: Json;
  text: string;
  /** Stands in for the words where those of two values are alike. */
  raw: string;
}

/** Fields by a key that stays the same while their values change. */
export type Leaves = Map<string, Leaf>;

/** Keys of a node that say where and how it was drawn elsewhere. The console places steps itself. */
const drawn = new Set(
  "position width height style className measured selected dragging zIndex sourcePosition targetPosition".split(" "),
);

/** Returns what a node says: its name, its type, its settings, and what else the console does not know. */
export function nodeLeaves(node: GraphNode): Leaves {
  const { id: _id, type, config, label, data, ...rest } = node;
  const leaves: Leaves = new Map();
  const { label: dataLabel, personas, ...notes } = isObject(data) ? data : {};
  const name = label || dataLabel;
  if (name) put(leaves, "name", words.name, name);
  put(leaves, "type", words.type, type);
  if (isObject(config)) configLeaves(leaves, type, config);
  if (personas !== undefined) {
    const n = Array.isArray(personas) ? personas.length : 1;
    put(leaves, "personas", words.personas, personas, say(words.people, { n }));
  }
  for (const key of drawn) delete rest[key];
  flatten(leaves, "", rest);
  flatten(leaves, "data", notes);
  return leaves;
}

/** Returns what a setting of the journey says. */
export function settingLeaves(name: string, value: Json | undefined): Leaves {
  const leaves: Leaves = new Map();
  if (name === "exitOn" && Array.isArray(value)) exitLeaves(leaves, value);
  else if (name === "goal" && isObject(value)) {
    const { windowDays, ...event } = value;
    eventLeaves(leaves, event);
    if (windowDays !== undefined) put(leaves, "window", words.window, windowDays, amount(words.days, windowDays));
  } else if (name === "exitWhen" && isObject(value)) eventLeaves(leaves, value);
  else if (value !== undefined && value !== null) put(leaves, name, settingName(name), value);
  return leaves;
}

/** What a setting is called. */
export function settingName(name: string): string {
  return known(name) ?? name;
}

function put(leaves: Leaves, key: string, name: string, value: Json, text = plain(value), raw = JSON.stringify(value)) {
  leaves.set(key, { name, value, text, raw });
}

function configLeaves(leaves: Leaves, type: string, config: JsonObject) {
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined || value === null) continue;
    if (key === "branches" && Array.isArray(value)) branchLeaves(leaves, value);
    else if (key === "waitForEvent") awaitedLeaves(leaves, value);
    else if (key === "condition") put(leaves, key, words.if, value, conditionText(value));
    else if (type === "wait" && ["delayHours", "delay", "until"].includes(key)) timeLeaf(leaves, config, key, value);
    else if (isObject(value)) flatten(leaves, key, value);
    else put(leaves, key, known(key) ?? key, value);
  }
}

function timeLeaf(leaves: Leaves, config: JsonObject, key: string, value: Json) {
  const name = config["waitForEvent"] ? words.atMost : words.waits;
  put(leaves, "time", name, { [key]: value }, timeText(key, value));
}

function timeText(key: string, value: Json): string {
  if (key === "delayHours") return amount(words.hours, value);
  if (!isObject(value)) return plain(value);
  const unit = { minutes: words.minutes, hours: words.hours, days: words.days }[scalarText(value["unit"])];
  if (key === "delay" && unit) return amount(unit, value["value"]);
  const { at, field, time, days, offset, ...more } = value;
  const when = [at, field, offset && JSON.stringify(offset), days, time].filter((part) => part !== undefined);
  const rest = Object.entries(more).map(([name, part]) => `${name} ${plain(part)}`);
  return say(words.until, { text: [...when.map(plain), ...rest].join(", ") });
}

function branchLeaves(leaves: Leaves, branches: Json[]) {
  const all = branches.filter(isObject);
  const total = all.reduce((sum, branch) => sum + numberOf(branch["weight"]), 0);
  for (const branch of all) {
    const id = scalarText(branch["id"]);
    const { id: _id, weight, condition, ...rest } = branch;
    if (weight !== undefined) {
      const share = total === 0 ? 0 : Math.round((1000 * numberOf(weight)) / total) / 10;
      put(leaves, `branch ${id}`, id, [weight, total], `${share} %`, scalarText(weight));
    }
    if (condition !== undefined) put(leaves, `branch ${id}`, id, condition, conditionText(condition));
    flatten(leaves, `branch ${id}`, rest);
  }
}

function awaitedLeaves(leaves: Leaves, awaited: Json) {
  const any = isObject(awaited) && Array.isArray(awaited["any"]) ? awaited["any"].filter(isObject) : undefined;
  if (!any) put(leaves, "waitForEvent", words.fields.waitForEvent, awaited);
  for (const event of any ?? []) {
    const { id, ...what } = event;
    put(leaves, `awaited ${scalarText(id)}`, `${words.fields.waitForEvent} (${scalarText(id)})`, what, eventText(what));
  }
}

function exitLeaves(leaves: Leaves, exits: Json[]) {
  for (const exit of exits.filter(isObject)) {
    const type = scalarText(exit["eventType"]);
    let key = `exit ${type}`;
    for (let n = 2; leaves.has(key); n++) key = `exit ${type} ${n}`;
    put(leaves, key, type, exit, eventText(exit));
  }
}

function eventLeaves(leaves: Leaves, event: JsonObject) {
  for (const [key, value] of Object.entries(event)) {
    if (value === undefined || value === null) continue;
    const text = key === "condition" ? conditionText(value) : key === "match" ? matchText(value) : plain(value);
    put(leaves, key, known(key === "eventType" ? "event" : key) ?? key, value, text);
  }
}

function eventText(event: JsonObject): string {
  return Object.entries(event)
    .flatMap(([key, value]) => {
      if (value === undefined || value === null) return [];
      if (key === "eventType") return [plain(value)];
      if (key === "condition") return [conditionText(value)];
      return [`${known(key) ?? key}: ${key === "match" ? matchText(value) : plain(value)}`];
    })
    .join(", ");
}

function matchText(match: Json): string {
  return isObject(match) ? `${plain(match["event"])} = ${plain(match["entry"])}` : plain(match);
}

function conditionText(condition: Json): string {
  return isObject(condition) ? sentence(condition) : plain(condition);
}

function flatten(leaves: Leaves, path: string, value: JsonObject) {
  for (const [key, part] of Object.entries(value)) {
    if (part === undefined || part === null) continue;
    const at = path === "" ? key : `${path}.${key}`;
    if (isObject(part)) flatten(leaves, at, part);
    else put(leaves, at, pathName(at), part);
  }
}

/** "payload.text" -> "Content: text". A path without a name is written as it is. */
function pathName(path: string): string {
  const [root = "", ...rest] = path.split(".");
  const name = known(root);
  return name ? [name, rest.join(".")].filter(Boolean).join(": ") : path;
}

function known(name: string): string | undefined {
  const names: Readonly<Record<string, string>> = words.fields;
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

function amount(unit: Message, value: Json | undefined): string {
  return say(unit, { n: Number(scalarText(value)), text: scalarText(value) });
}

function plain(value: Json | undefined): string {
  if (Array.isArray(value) && !value.some((part) => isObject(part) || Array.isArray(part))) {
    return value.map(scalarText).join(", ");
  }
  return isObject(value) || Array.isArray(value) ? JSON.stringify(value) : scalarText(value);
}
