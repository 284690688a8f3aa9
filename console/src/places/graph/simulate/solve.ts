// Values that make a condition true or false, where that is simple.
import { reports } from "../../../graph/types";
import { isExact, isObject, type Json, type JsonObject, same, scalarText } from "../../../json";
import { valueAt, withoutValue, withValue } from "./paths";
import type { PersonaEvent, PersonaReport, PersonaTest } from "./personas";
import { type Read, readField } from "./reads";

const hour = 3_600_000;
const day = 24 * hour;

/** A sample for a field that is only inserted somewhere. */
export function sample(names: readonly string[]): Json {
  const name = names.at(-1) ?? "";
  if (/mail/i.test(name)) return "kim@example.com";
  if (/phone|mobile|sms/i.test(name)) return "+15550100";
  if (/name$/i.test(name)) return "Kim";
  if (/currency/i.test(name)) return "EUR";
  if (/(At|On|Ends|Date|day)$|date|birth/i.test(name)) return isoDay(30);
  if (/id$/i.test(name)) return `${name.replace(/_?id$/i, "") || "id"}-1`;
  if (/total|price|amount|count|points|spent|score|visits|orders|percent|sum/i.test(name)) return 10;
  return name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

/** The day so many days from now. */
function isoDay(days: number): string {
  return new Date(Date.now() + days * day).toISOString().slice(0, 10);
}

/** The moment so many ms from now; only its day where that is far away. */
function isoTime(ms: number): string {
  if (Math.abs(ms) > 3 * day) return isoDay(ms / day);
  return `${new Date(Date.now() + ms).toISOString().slice(0, 19)}Z`;
}

const unitMs: Record<string, number> = { minutes: 60_000, hours: hour, days: day };

/** The length of {value, unit} in ms; 0 if it is none. */
export function periodMs(period: Json | undefined): number {
  if (!isObject(period)) return 0;
  return Number(scalarText(period["value"])) * (unitMs[String(period["unit"])] ?? 0) || 0;
}

/** A value for a field by which a test is true, or false; undefined where the field must be missing. */
export function valueFor(test: JsonObject, wanted: boolean, names: readonly string[]): Json | undefined {
  const value = test["value"];
  switch (test["operator"]) {
    case "eq":
      return wanted ? value : other(value);
    case "neq":
      return wanted ? other(value) : value;
    case "gte":
      return wanted ? value : near(value, -1);
    case "gt":
      return wanted ? near(value, 1) : value;
    case "lte":
      return wanted ? value : near(value, 1);
    case "lt":
      return wanted ? near(value, -1) : value;
    case "in":
      return Array.isArray(value) ? (wanted ? value[0] : other(value[0])) : undefined;
    case "exists":
      return wanted === (value !== false) ? sample(names) : undefined;
    case "contains":
      return wanted ? (value === undefined ? undefined : [value]) : [];
    case "starts_with":
      return wanted ? `${scalarText(value)}1` : "-";
    case "within_last":
      return isoTime(wanted ? -periodMs(value) / 2 : -periodMs(value) * 2);
    case "older_than":
      return isoTime(wanted ? -periodMs(value) * 1.5 : -periodMs(value) / 2);
    case "within_next":
      return wanted ? isoTime(periodMs(value) / 2 || 30 * day) : isoTime(-day);
    default:
      return sample(names);
  }
}

/** A value beside a number or a date. */
function near(value: Json | undefined, by: 1 | -1): Json | undefined {
  if (typeof value === "number") return Number.isInteger(value) ? value + by : value + by * Math.abs(value || 1);
  if (isExact(value)) return Number(value.rawJSON) * (by === 1 ? 2 : 0.5);
  if (typeof value === "string" && !Number.isNaN(Date.parse(value))) {
    return new Date(Date.parse(value) + by * day).toISOString();
  }
  return typeof value === "string" ? (by === 1 ? `${value}z` : "") : undefined;
}

/** A value of the same type that is not equal. */
function other(value: Json | undefined): Json | undefined {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  if (typeof value === "string") return value === "" ? "x" : `not ${value}`;
  return undefined;
}

/** Whether a test holds for a value; undefined where that depends on the time, or is not simple. */
export function meets(test: JsonObject, actual: Json | undefined): boolean | undefined {
  const value = test["value"];
  const there = actual !== undefined && actual !== null;
  switch (test["operator"]) {
    case "exists":
      return there === (value !== false);
    case "eq":
      return there && same(value, actual);
    case "neq":
      return !there || !same(value, actual);
    case "in":
      return Array.isArray(value) && value.some((one) => same(one, actual));
    case "contains":
      return Array.isArray(actual) && actual.some((one) => same(one, value));
    case "starts_with":
      return typeof actual === "string" && actual.startsWith(scalarText(value));
    default:
      return typeof value === "number" && typeof actual === "number"
        ? compare(String(test["operator"]), actual, value)
        : undefined;
  }
}

function compare(operator: string, a: number, b: number): boolean | undefined {
  return { gt: a > b, gte: a >= b, lt: a < b, lte: a <= b }[operator];
}

/** The value of a field in a persona. */
function valueIn(test: PersonaTest, { source, names, nodeId = "" }: Read): Json | undefined {
  if (source === "attribute") return valueAt(test.customerAttributes, names);
  if (source === "entry") return valueAt(test.entryEvent?.properties, names);
  const answer = source === "decision" ? test.decisions?.[nodeId] : undefined;
  return isObject(answer) ? valueAt(answer, names) : undefined;
}

/** Returns the test with a field's value set, or removed for undefined. */
export function withRead(test: PersonaTest, read: Read, value: Json | undefined): PersonaTest {
  const put = (object: JsonObject | undefined, names: readonly string[]) =>
    value === undefined ? withoutValue(object ?? {}, names) : withValue(object ?? {}, names, value);
  if (read.source === "attribute") return { ...test, customerAttributes: put(test.customerAttributes, read.names) };
  if (read.source === "entry" && test.entryEvent) {
    return { ...test, entryEvent: { ...test.entryEvent, properties: put(test.entryEvent.properties, read.names) } };
  }
  if (read.source === "decision" && read.nodeId !== undefined) {
    const answer = test.decisions?.[read.nodeId];
    const next = put(isObject(answer) ? answer : {}, read.names);
    return { ...test, decisions: { ...test.decisions, [read.nodeId]: next } };
  }
  return test;
}

/** Returns the test changed so that a condition is probably true, or false. `at` is when it is evaluated, in hours after entry. */
export function satisfy(test: PersonaTest, condition: Json | undefined, wanted: boolean, at: number): PersonaTest {
  if (!isObject(condition)) return test;
  if (condition["not"] !== undefined) return satisfy(test, condition["not"], !wanted, at);
  const all = condition["all"];
  const any = condition["any"];
  if (Array.isArray(all) || Array.isArray(any)) {
    const parts = (Array.isArray(all) ? all : any) as Json[];
    // `all` true and `any` false need every part, the others one.
    const every = Array.isArray(all) === wanted;
    return (every ? parts : parts.slice(0, 1)).reduce<PersonaTest>((t, part) => satisfy(t, part, wanted, at), test);
  }
  if (typeof condition["event"] === "string") return satisfyEvent(test, condition, wanted, at);
  const read = typeof condition["field"] === "string" ? readField(condition["field"]) : undefined;
  const [root, step = "", is = ""] = read?.names ?? [];
  if (root === "step" && reports.some((kind) => kind === is)) {
    return withReport(test, { step, is, afterHours: 0 }, (condition["value"] === true) === wanted);
  }
  if (read === undefined || meets(condition, valueIn(test, read)) === wanted) return test;
  return withRead(test, read, valueFor(condition, wanted, read.names));
}

/** Returns the test with a report of a message, or without it. */
export function withReport(test: PersonaTest, report: PersonaReport, there: boolean): PersonaTest {
  const { feedback = [], ...rest } = test;
  const others = feedback.filter(({ step, is }) => step !== report.step || is !== report.is);
  const next = there ? [...others, report] : others;
  return next.length > 0 ? { ...rest, feedback: next } : rest;
}

function satisfyEvent(test: PersonaTest, condition: JsonObject, wanted: boolean, at: number): PersonaTest {
  const type = String(condition["event"]);
  const events = test.events ?? [];
  if (!wanted) return { ...test, events: events.filter((event) => event.type !== type) };
  if (events.some((event) => event.type === type)) return test;
  const back = periodMs(condition["since"]) / hour / 2;
  const event: PersonaEvent = { type, afterHours: round(back > 0 ? at - back : at / 2) };
  return { ...test, events: [...events, event] };
}

/** Hours, to the second. */
export function round(hours: number): number {
  return Math.round(hours * 3600) / 3600;
}
