// A condition as lines and groups, for editing. What the console does not know is a raw line.
import { isExact, isObject, type Json, type JsonObject, same } from "../json";

/** How a group combines its lines. `one` is a line alone, without a group around it. */
export type Form = "all" | "any" | "none" | "notAll" | "one" | "notOne";

export interface Group {
  kind: "group";
  id: number;
  form: Form;
  rows: Row[];
}

/** A line: a test of a field, a test for an event, or JSON that the console does not know. */
export interface Leaf {
  kind: "test" | "event" | "raw";
  id: number;
  json: Json;
  /** What is saved while the line is unfinished: what it said before, or nothing. */
  kept: Json | undefined;
}

export type Row = Group | Leaf;

export const unitNames = ["minutes", "hours", "days"] as const;
export const orderOperators = ["gt", "gte", "lt", "lte"];
export const periodOperators = ["within_last", "within_next", "older_than"];
const equalityOperators = ["eq", "neq", "contains"];

let lastId = 0;

export function newGroup(form: Form, rows: Row[] = []): Group {
  return { kind: "group", id: ++lastId, form, rows };
}

export function newTest(): Leaf {
  return { kind: "test", id: ++lastId, json: { field: "", operator: "eq" }, kept: undefined };
}

export function newEvent(since: Json): Leaf {
  return { kind: "event", id: ++lastId, json: { event: "", since }, kept: undefined };
}

/** Reads a condition. The result is always a group: a line alone is in one of the form `one`. */
export function read(condition: Json | undefined): Group {
  if (condition === undefined || condition === null) return newGroup("one");
  const row = readRow(condition);
  return row.kind === "group" ? row : newGroup("one", [row]);
}

function readRow(json: Json): Row {
  if (isObject(json)) {
    const keys = Object.keys(json);
    const [key] = keys;
    if (keys.length === 1 && (key === "all" || key === "any")) {
      const members = json[key];
      if (Array.isArray(members)) return newGroup(key, members.map(readRow));
    }
    if (keys.length === 1 && key === "not") return readNot(json["not"] ?? null);
    if (isEvent(json, keys)) return readLeaf("event", json);
    if (isTest(json, keys)) return readLeaf("test", json);
  }
  return readLeaf("raw", json);
}

function readLeaf(kind: Leaf["kind"], json: Json): Leaf {
  return { kind, id: ++lastId, json, kept: json };
}

function readNot(json: Json): Row {
  const row = readRow(json);
  if (row.kind === "group" && row.form === "any") return { ...row, form: "none" };
  if (row.kind === "group" && row.form === "all") return { ...row, form: "notAll" };
  return newGroup("notOne", [row]);
}

function isEvent(json: JsonObject, keys: readonly string[]): boolean {
  const { event, since } = json;
  return keys.length === 2 && typeof event === "string" && (since === "entry" || isPeriod(since));
}

function isTest(json: JsonObject, keys: readonly string[]): boolean {
  const { field, operator, value } = json;
  const known = keys.every((key) => key === "field" || key === "operator" || key === "value");
  if (!known || typeof field !== "string" || typeof operator !== "string") return false;
  return operator === "exists" && value === undefined ? true : fits(operator, value);
}

/** Whether a value has the form that an operator takes. */
export function fits(operator: string, value: Json | undefined): boolean {
  if (operator === "exists") return typeof value === "boolean";
  if (operator === "in") return Array.isArray(value) && value.every(isScalar);
  if (operator === "starts_with") return typeof value === "string";
  if (periodOperators.includes(operator)) return isPeriod(value);
  if (orderOperators.includes(operator)) return isScalar(value) && typeof value !== "boolean";
  return equalityOperators.includes(operator) && isScalar(value);
}

function isScalar(value: Json | undefined): boolean {
  return typeof value === "string" || typeof value === "boolean" || isNumber(value);
}

export function isNumber(value: Json | undefined): boolean {
  return typeof value === "number" || isExact(value);
}

function isPeriod(value: Json | undefined): value is JsonObject {
  if (!isObject(value) || Object.keys(value).length !== 2) return false;
  return isNumber(value["value"]) && unitNames.some((unit) => unit === value["unit"]);
}

/** Writes a group. Lines that were never finished are left out; undefined if nothing is left of a line alone. */
export function write(group: Group): Json | undefined {
  return writeRow(group, "", new Map());
}

/** Returns where each row stands in the condition that `write` returns, by row id, as a JSON Pointer. */
export function pointersOf(group: Group): Map<number, string> {
  const pointers = new Map<number, string>();
  writeRow(group, "", pointers);
  return pointers;
}

const shapes = { all: ["", "all"], any: ["", "any"], none: ["/not", "any"], notAll: ["/not", "all"] } as const;

function writeRow(row: Row, at: string, pointers: Map<number, string>): Json | undefined {
  pointers.set(row.id, at);
  if (row.kind !== "group") return isFinished(row) ? row.json : row.kept;
  if (row.form === "one" || row.form === "notOne") {
    const not = row.form === "notOne";
    const [only] = row.rows;
    const json = only && writeRow(only, not ? `${at}/not` : at, pointers);
    return json !== undefined && not ? { not: json } : json;
  }
  const [before, key] = shapes[row.form];
  const members: Json[] = [];
  for (const member of row.rows) {
    const json = writeRow(member, `${at}${before}/${key}/${members.length}`, pointers);
    if (json !== undefined) members.push(json);
  }
  const json: JsonObject = { [key]: members };
  return before === "" ? json : { not: json };
}

/** A path of up to 8 names; a name with dots is a string in brackets. */
const path = /^(?:[^.[]+|\["(?:[^"\\]|\\.)+"\])(?:\.[^.[]+|\["(?:[^"\\]|\\.)+"\]){0,7}$/;

export function isPath(text: string): boolean {
  return text.length <= 256 && path.test(text);
}

/** What a line still needs. */
export type Missing = "field" | "value" | "event" | "period";

/** Returns what a line needs before it can be saved; undefined if nothing. */
export function missingIn({ kind, json }: Leaf): Missing | undefined {
  if (kind === "raw" || !isObject(json)) return undefined;
  const { field, operator, value, event, since } = json;
  if (kind === "event") {
    if (typeof event !== "string" || !isEventType(event)) return "event";
    return since === "entry" || isAbove0(since) ? undefined : "period";
  }
  if (typeof field !== "string" || !isPath(field)) return "field";
  if (operator === "exists") return undefined;
  if (typeof operator !== "string" || !fits(operator, value)) return "value";
  if (Array.isArray(value) && value.length === 0) return "value";
  return isPeriod(value) && !isAbove0(value) ? "period" : undefined;
}

/** Types that begin with $ are the service's own: there is one. */
function isEventType(type: string): boolean {
  return type !== "" && type.length <= 128 && (!type.startsWith("$") || type === "$unsubscribed");
}

function isAbove0(period: Json | undefined): boolean {
  if (!isPeriod(period)) return false;
  const n = period["value"];
  return Number(isExact(n) ? n.rawJSON : n) > 0;
}

function isFinished(leaf: Leaf): boolean {
  return missingIn(leaf) === undefined;
}

/** Returns a row with another content. Once it is finished, that is what is kept. */
export function editLeaf(leaf: Leaf, json: Json): Leaf {
  const next = { ...leaf, json };
  return isFinished(next) ? { ...next, kept: json } : next;
}

/** Returns the tree with a row replaced, or removed with undefined. */
export function replace(group: Group, id: number, by: (row: Row) => Row | undefined): Group {
  if (group.id === id) return (by(group) as Group | undefined) ?? newGroup("one");
  return {
    ...group,
    rows: group.rows.flatMap((row): Row[] => {
      if (row.id === id) return [by(row)].filter((next) => next !== undefined);
      return row.kind === "group" ? [replace(row, id, by)] : [row];
    }),
  };
}

/** Returns the tree with a row at the end of a group. A line alone gets the group `all` around it. */
export function append(root: Group, groupId: number, row: Row): Group {
  return replace(root, groupId, (group) => (group.kind === "group" ? grow(group, row, group.rows.length) : group));
}

function grow(group: Group, row: Row, at: number): Group {
  const rows = group.rows.toSpliced(at, 0, row);
  if (rows.length === 1) return { ...group, rows };
  // A group alone in "one" is the group itself; a second line makes a real group of it.
  const form = group.form === "one" ? "all" : group.form === "notOne" ? "none" : group.form;
  return { ...group, form, rows };
}

/** Returns the tree without a row. The root without any line is no condition. */
export function remove(root: Group, id: number): Group {
  const next = replace(root, id, () => undefined);
  return next.rows.length === 0 ? { ...next, form: "one" } : next;
}

/** Returns a copy of a row with ids of its own. */
export function copyOf(row: Row): Row {
  const id = ++lastId;
  return row.kind === "group" ? { ...row, id, rows: row.rows.map(copyOf) } : { ...row, id };
}

/** Returns the tree with a copy of a row behind it. */
export function duplicate(root: Group, id: number): Group {
  const found = find(root, id);
  return found ? insert(root, found.parent.id, found.at + 1, copyOf(found.row)) : root;
}

function insert(root: Group, groupId: number, at: number, row: Row): Group {
  return replace(root, groupId, (group) => (group.kind === "group" ? grow(group, row, at) : group));
}

interface Found {
  parent: Group;
  at: number;
  row: Row;
}

function find(group: Group, id: number): Found | undefined {
  for (const [at, row] of group.rows.entries()) {
    if (row.id === id) return { parent: group, at, row };
    const inside = row.kind === "group" ? find(row, id) : undefined;
    if (inside) return inside;
  }
  return undefined;
}

/** Returns the tree with a row moved up or down by one: past a line, into a group beside it, or out of its group. */
export function move(root: Group, id: number, step: 1 | -1): Group {
  const found = find(root, id);
  if (!found) return root;
  const { parent, at, row } = found;
  const beside = parent.rows[at + step];
  if (beside?.kind === "group") {
    return insert(remove(root, id), beside.id, step === 1 ? 0 : beside.rows.length, row);
  }
  if (beside) {
    return replace(root, parent.id, (group) =>
      group.kind === "group" ? { ...group, rows: group.rows.toSpliced(at, 1).toSpliced(at + step, 0, row) } : group,
    );
  }
  const outer = find(root, parent.id);
  if (!outer) return root;
  return insert(remove(root, id), outer.parent.id, outer.at + (step === 1 ? 1 : 0), row);
}

/** The number of lines. */
export function countLeaves(row: Row): number {
  return row.kind === "group" ? row.rows.reduce((sum, member) => sum + countLeaves(member), 0) : 1;
}

/** How many groups stand in each other at most, as the API counts them: `not` is one. */
export function depthOf(row: Row): number {
  if (row.kind !== "group") return 0;
  const own = { one: 0, notOne: 1, all: 1, any: 1, none: 2, notAll: 2 }[row.form];
  return own + Math.max(0, ...row.rows.map(depthOf));
}

/** Whether two trees say the same. */
export function sameCondition(a: Json | undefined, b: Json | undefined): boolean {
  return same(a ?? null, b ?? null);
}
