// Rows of paths and values, as people type them.
import { isExact, isObject, type Json, type JsonObject, parse, parseNumber } from "../../../json";
import { flatten, parsePath, withValue } from "./paths";

/** A row as it is typed. */
export interface Row {
  path: string;
  text: string;
}

/** Reads a value as it is typed: numbers, true, false, null and JSON are such, quotes make a text, all else is text. */
export function readValue(text: string): Json {
  const trimmed = text.trim();
  const number = parseNumber(trimmed);
  if (number !== undefined) return number;
  if (!/^(["[{]|true$|false$|null$)/.test(trimmed)) return text;
  const value = readJson(trimmed);
  return value === undefined ? text : value;
}

/** Parses JSON; undefined if it is none. JSON's null is null. */
export function readJson(text: string): Json | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** Writes a value so that `readValue` returns it. */
export function writeValue(value: Json): string {
  if (isExact(value)) return value.rawJSON;
  if (typeof value !== "string") return JSON.stringify(value);
  return readValue(value) === value ? value : JSON.stringify(value);
}

/** The rows of an object. */
export function rowsOf(object: JsonObject): Row[] {
  return flatten(object).map(({ path, value }) => ({ path, text: writeValue(value) }));
}

/** The object of rows. Rows without a name, or with one that is no path, are left out. */
export function objectOf(rows: readonly Row[]): JsonObject {
  return rows.reduce<JsonObject>((object, { path, text }) => {
    const names = parsePath(path.trim());
    return names ? withValue(object, names, readValue(text)) : object;
  }, {});
}

/** Reads a JSON object; undefined if it is none. */
export function readObject(text: string): JsonObject | undefined {
  if (text.trim() === "") return {};
  const value = readJson(text);
  return isObject(value) ? value : undefined;
}
