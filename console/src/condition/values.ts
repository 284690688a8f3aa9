// Values as they are typed: a text, a number, or true and false, by the kind of the field.
import { isExact, type Json, parse, parseNumber, scalarText } from "../json";

/** The kind of values that a field has; undefined if it is not known, or several. */
export type Kind = "string" | "number" | "boolean" | "date" | "array" | "object" | undefined;

/** What was typed: a value, or what it should be. */
export type Reading = { value: Json } | { fault: "number" | "boolean" | "empty" };

/** Returns a value as it stands in a field. A text that would be read as something else stands in quotes. */
export function showValue(value: Json | undefined, kind: Kind): string {
  if (typeof value !== "string") return scalarText(value);
  const read = readValue(value, kind);
  return "value" in read && read.value === value ? value : JSON.stringify(value);
}

/** Reads a value. Without a kind, numbers and true and false are what they look like, and quotes make a text. */
export function readValue(text: string, kind: Kind): Reading {
  const quoted = readQuoted(text);
  if (quoted !== undefined) return { value: quoted };
  if (text === "") return { fault: "empty" };
  if (kind === "string" || kind === "date") return { value: text };
  const number = parseNumber(text);
  if (number !== undefined) return { value: number };
  if (kind === "number") return { fault: "number" };
  if (text === "true" || text === "false") return { value: text === "true" };
  return kind === "boolean" ? { fault: "boolean" } : { value: text };
}

function readQuoted(text: string): string | undefined {
  if (!/^".*"$/s.test(text)) return undefined;
  try {
    const value = parse(text);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The kind of a field, unless its value is of another one: then nothing is assumed. */
export function kindFor(known: Kind, value: Json | undefined): Kind {
  if (value === undefined || known === undefined || typeof value === known) return known;
  if (isExact(value)) return known === "number" ? known : undefined;
  return typeof value === "string" && known === "date" ? known : undefined;
}
