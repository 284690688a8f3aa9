// JSON that keeps every number as it was written: JSON.parse rounds integers
// beyond 2^53, which the engine compares exactly.

/** A number whose text JavaScript would change. JSON.stringify writes it as it was read. */
export interface Exact {
  readonly rawJSON: string;
}

/** A JSON value as `parse` returns it. */
export type Json = null | boolean | number | string | Exact | Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  [key: string]: Json | undefined;
}

interface ExactJson {
  rawJSON?(text: string): Exact;
  isRawJSON?(value: unknown): value is Exact;
}
const native = JSON as typeof JSON & ExactJson;

/** Whether this browser can keep exact numbers. If not, a journey that has one must not be saved. */
export const keepsExactNumbers = native.rawJSON !== undefined;

/** Thrown by `parse` for a number that this browser cannot keep. */
export class InexactNumber extends Error {}

/** Parses JSON. A number that would change when written again becomes an `Exact`. */
export function parse(text: string): Json {
  return JSON.parse(text, (_key: string, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number") return value;
    if (context?.source === undefined) return checkRounded(value);
    if (String(value) === context.source) return value;
    if (native.rawJSON === undefined) throw new InexactNumber(context.source);
    return native.rawJSON(context.source);
  });
}

/** Without the text of a number, one that may have been rounded is refused. */
function checkRounded(value: number): number {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new InexactNumber(String(value));
  return value;
}

/** Whether a value is an `Exact`. */
export function isExact(value: unknown): value is Exact {
  return native.isRawJSON?.(value) ?? false;
}

/** Whether a value is a JSON object, neither an array nor an `Exact`. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isExact(value);
}

/** The text of a number as it was written, or of another scalar as people read it. */
export function scalarText(value: Json | undefined): string {
  if (value === undefined) return "";
  if (isExact(value)) return value.rawJSON;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** About what a number is, for words and comparisons only; 0 for what is none. */
export function numberOf(value: unknown): number {
  return Number(scalarText(value as Json)) || 0;
}

/** The number that a text names, exactly; undefined if it is none. */
export function parseNumber(text: string): number | Exact | undefined {
  if (!/^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text)) return undefined;
  const value = parse(text);
  return typeof value === "number" || isExact(value) ? value : undefined;
}

/** Whether two values are the same JSON: keys in any order, numbers as they were written. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isExact(a) || isExact(b)) return isExact(a) && isExact(b) && a.rawJSON === b.rawJSON;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((value, i) => same(value, b[i]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  const own = (value: JsonObject, key: string) => (Object.hasOwn(value, key) ? value[key] : undefined);
  return [...keys].every((key) => same(own(a, key), own(b, key)));
}
