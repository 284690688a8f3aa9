// A condition in a marketer's words.
import words from "#words/condition";
import { isExact, isObject, type Json, type JsonObject, scalarText } from "../json";
import { type Message, say } from "../say";

/** A piece of a sentence: words, or a name or value that stands out. */
export type Part = string | { b: string };

/** Returns what a condition says: "visits is more than 5, and plan is free or trial". With `max`, in short signs, cut there. */
export function sentence(condition: JsonObject, max?: number): string {
  const text = textOf(explain(condition, max !== undefined));
  return max === undefined ? text : cut(text, max);
}

/** Returns the sentence of a condition in parts. `short` writes comparisons as signs. */
export function explain(condition: Json | undefined, short = false): Part[] {
  return phrase(condition, { not: false, short, depth: 0 });
}

/** The parts as one text. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (typeof part === "string" ? part : part.b)).join("");
}

/** Puts parts in the place of the {names} of a message. */
export function fill(message: string, values: Record<string, readonly Part[]>): Part[] {
  return message.split(/\{(\w+)\}/).flatMap((piece, i): readonly Part[] => {
    if (i % 2 === 1) return values[piece] ?? [];
    return piece === "" ? [] : [piece];
  });
}

/** Cuts a text with an ellipsis, at a space if one is near. */
export function cut(text: string, max: number): string {
  const letters = [...text];
  if (letters.length <= max) return text;
  const kept = letters.slice(0, max - 1).join("");
  const space = kept.lastIndexOf(" ");
  return `${(space > max / 2 ? kept.slice(0, space + 1) : kept).replace(/[,\s]+$/, "")}…`;
}

interface How {
  /** Whether the opposite is said. */
  not: boolean;
  short: boolean;
  depth: number;
}

function phrase(condition: Json | undefined, how: How): Part[] {
  if (!isObject(condition)) return describeUnknown(condition, how);
  const keys = Object.keys(condition).filter((key) => condition[key] !== undefined);
  const [key] = keys;
  if (keys.length === 1 && key === "not") return phrase(condition["not"], { ...how, not: !how.not });
  if (keys.length === 1 && (key === "all" || key === "any")) {
    const members = condition[key];
    // The opposite of "all" is "any" of the opposites.
    if (Array.isArray(members)) return describeGroup(members, (key === "all") !== how.not, how);
  }
  if (keys.length === 2 && "event" in condition && "since" in condition) return describeEvent(condition, how);
  return describeTest(condition, how);
}

function describeGroup(members: readonly Json[], all: boolean, how: How): Part[] {
  if (members.length === 0) return [all ? words.always : words.never];
  if (members.length === 1) return phrase(members[0], how);
  const parts = members.map((member) => phrase(member, { ...how, depth: how.depth + 1 }));
  const word = all ? words.and : words.or;
  if (how.depth === 0) return join(parts, word, true);
  if (how.depth > 1 || how.short) return ["(", ...join(parts, word, true), ")"];
  const opening = !all ? words.either : parts.length === 2 ? words.both : words.allOf;
  return [`${opening} `, ...join(parts, word, parts.length > 2)];
}

/** Joins as "a, b, and c"; two without `comma` as "a and b". */
function join(parts: readonly Part[][], word: string, comma: boolean): Part[] {
  return parts.flatMap((part, i): Part[] => {
    if (i === 0) return part;
    const last = i === parts.length - 1;
    return [`${comma ? "," : ""} ${last ? `${word} ` : ""}`, ...part];
  });
}

const tests: Record<string, readonly [yes: string, no: string, sign?: string, notSign?: string]> = {
  eq: [words.eq, words.neq, "=", "≠"],
  neq: [words.neq, words.eq, "≠", "="],
  gt: [words.gt, words.notGt, ">"],
  gte: [words.gte, words.notGte, "≥"],
  lt: [words.lt, words.notLt, "<"],
  lte: [words.lte, words.notLte, "≤"],
  contains: [words.contains, words.notContains],
  starts_with: [words.startsWith, words.notStartsWith],
  within_last: [words.withinLast, words.notWithinLast],
  within_next: [words.withinNext, words.notWithinNext],
  older_than: [words.olderThan, words.notOlderThan],
};

/** Strings are dates where they are ordered: other texts seldom are. */
const dated: Record<string, readonly [yes: string, no: string]> = {
  gt: [words.after, words.notAfter],
  gte: [words.atOrAfter, words.notAtOrAfter],
  lt: [words.before, words.notBefore],
  lte: [words.atOrBefore, words.notAtOrBefore],
};

/** "Is one of" by the number of values: none, one, two, more. */
const listForms = [
  [words.in, words.eq, words.eq, words.in],
  [words.notIn, words.neq, words.neither, words.notIn],
] as const;

function listLength(value: Json | undefined): number {
  return Array.isArray(value) ? value.length : 0;
}

function describeTest(test: JsonObject, how: How): Part[] {
  const { field, operator, value } = test;
  if (typeof field !== "string" || typeof operator !== "string") return describeUnknown(test, how);
  const values = { field: [{ b: fieldText(field) }], value: valueParts(value, how.not) };
  if (operator === "exists") {
    return fill((value !== false) !== how.not ? words.exists : words.missing, values);
  }
  if (operator === "in") return fill(listForms[how.not ? 1 : 0][Math.min(listLength(value), 3)] ?? "", values);
  const known = tests[operator];
  if (!known) return describeUnknown(test, how);
  const sign = how.short ? known[how.not ? 3 : 2] : undefined;
  if (sign !== undefined) return fill(`{field} ${sign} {value}`, values);
  const form = (typeof value === "string" && dated[operator]) || known;
  return fill(form[how.not ? 1 : 0], values);
}

function describeEvent({ event, since }: JsonObject, how: How): Part[] {
  const entry = since === "entry";
  const form = how.not
    ? entry
      ? words.notEventEntry
      : words.notEventLast
    : entry
      ? words.eventEntry
      : words.eventLast;
  return fill(form, { event: [{ b: scalarText(event) || "…" }], value: valueParts(since, how.not) });
}

function describeUnknown(value: Json | undefined, how: How): Part[] {
  const text = value === undefined ? "…" : cut(JSON.stringify(value), 60);
  return fill(how.not ? words.notUnknown : words.unknown, { value: [{ b: text }] });
}

function fieldText(field: string): string {
  return field.replace(/^attributes\.(?=.)/, "") || "…";
}

function valueParts(value: Json | undefined, not: boolean): Part[] {
  if (Array.isArray(value)) {
    const parts = value.map((one): Part[] => [{ b: valueText(one) }]);
    if (parts.length === 2) return join(parts, not ? words.nor : words.or, false);
    return parts.flatMap((part, i) => (i === 0 ? part : [", ", ...part]));
  }
  if (isObject(value)) return [{ b: periodText(value) }];
  return [{ b: valueText(value) }];
}

/** A value as it is said: yes and no, and in quotes what could be read as something else. */
function valueText(value: Json | undefined): string {
  if (value === undefined || value === null) return "…";
  if (typeof value === "boolean") return value ? words.yes : words.no;
  if (value === "") return `“” (${words.emptyText})`;
  if (typeof value === "string") return isPlain(value) ? value : `“${value}”`;
  return typeof value === "number" || isExact(value) ? scalarText(value) : JSON.stringify(value);
}

function isPlain(text: string): boolean {
  return !/^-?[0-9.]+([eE][+-]?[0-9]+)?$|[,;"]|^\s|\s$/.test(text) && text !== words.yes && text !== words.no;
}

const periods: Record<string, Message> = { minutes: words.minutes, hours: words.hours, days: words.days };

/** A length of time as the API writes it, {"value": 2, "unit": "hours"}, in words. */
export function periodText(period: Json | undefined): string {
  if (!isObject(period)) return "…";
  const unit = periods[scalarText(period["unit"])];
  return unit ? say(unit, { n: scalarText(period["value"]) || "…" }) : JSON.stringify(period);
}
