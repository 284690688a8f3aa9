// Reads a pasted list of people, or a CSV file: quotes, any of the usual separators, BOM, CRLF.
import { InexactNumber, type Json, type JsonObject, parseNumber } from "../../json";

/** A line of a file, with the number of its first line in the text. */
export interface Line {
  number: number;
  cells: string[];
}

/** What is wrong with a line. The words are the caller's. */
export interface Fault {
  line: number;
  code: "quote" | "cells" | "no-id" | "bad-id" | "twice" | "header" | "column" | "large" | "inexact";
  /** What the fault is about: a column, or the line of the first one. */
  about?: string;
}

/** A person to enroll, with the values of the other columns. */
export interface Person {
  line: number;
  id: string;
  values: JsonObject;
}

/** A list of people as it was read. Lines with faults are not among the people. */
export interface PeopleFile {
  columns: string[];
  people: Person[];
  faults: Fault[];
}

const separators = [",", ";", "\t"] as const;
const idColumns = ["customerid", "customer_id", "customer id", "id"];
const maxIdCharacters = 128;
/** The limit of the properties of an entry. Attributes may have twice as much. */
export const maxValuesBytes = 32_768;

/** Returns the separator that the first line has most often outside of quotes. */
export function findSeparator(text: string): string {
  const counts = new Map<string, number>(separators.map((s) => [s, 0]));
  let quoted = false;
  for (const c of text) {
    if (c === '"') quoted = !quoted;
    else if (!quoted && (c === "\n" || c === "\r")) break;
    else if (!quoted) counts.set(c, (counts.get(c) ?? -Infinity) + 1);
  }
  return separators.reduce((best, s) => ((counts.get(s) ?? 0) > (counts.get(best) ?? 0) ? s : best), separators[0]);
}

/** Splits CSV into lines of cells. Empty lines are left out. */
export function parseCsv(source: string): { lines: Line[]; faults: Fault[] } {
  const text = source.replace(/^\uFEFF/, "");
  const separator = findSeparator(text);
  const lines: Line[] = [];
  const faults: Fault[] = [];
  let number = 1;
  let at = 0;
  while (at < text.length) {
    const { cells, end, breaks, broken } = readLine(text, at, separator);
    if (broken) faults.push({ line: number, code: "quote" });
    else if (cells.length > 1 || cells[0] !== "") lines.push({ number, cells });
    number += breaks;
    at = end;
  }
  return { lines, faults };
}

/** Reads one record. It ends at a line break outside of quotes. */
function readLine(text: string, start: number, separator: string) {
  const cells: string[] = [];
  let cell = "";
  let state: "plain" | "quoted" | "closed" = "plain";
  let breaks = 0;
  let broken = false;
  let i = start;
  const finish = () => {
    cells.push(state === "closed" ? cell : cell.trim());
    cell = "";
    state = "plain";
  };
  for (; i < text.length; i++) {
    const c = text.charAt(i);
    const isBreak = c === "\n" || c === "\r";
    if (isBreak && (c === "\n" || text.charAt(i + 1) !== "\n")) breaks++;
    if (state === "quoted") {
      if (c !== '"') cell += c;
      else if (text.charAt(i + 1) === '"') cell += text.charAt(++i);
      else state = "closed";
    } else if (isBreak) {
      if (c === "\r" && text.charAt(i + 1) === "\n") continue;
      i++;
      break;
    } else if (c === separator) finish();
    else if (c === '"' && cell.trim() === "" && state === "plain") {
      cell = "";
      state = "quoted";
    } else if (state === "closed") broken ||= c.trim() !== "";
    else cell += c;
  }
  broken ||= state === "quoted";
  finish();
  return { cells, end: i, breaks, broken };
}

/** Reads people from CSV with a header that names `customerId`, or from lines of ids. */
export function readPeople(text: string, typed = true, maxBytes = maxValuesBytes): PeopleFile {
  const { lines, faults } = parseCsv(text);
  const first = lines[0];
  if (first === undefined) return { columns: [], people: [], faults };
  const id = first.cells.findIndex((cell) => idColumns.includes(cell.toLowerCase()));
  if (id < 0 && first.cells.length > 1) {
    return { columns: [], people: [], faults: [...faults, { line: first.number, code: "header" }] };
  }
  const names = id < 0 ? [""] : first.cells;
  const columns = names.filter((_, i) => i !== Math.max(id, 0));
  const wrong = columnFaults(columns, first.number);
  if (wrong.length > 0) return { columns, people: [], faults: [...faults, ...wrong] };
  const seen = new Map<string, number>();
  const people: Person[] = [];
  for (const line of id < 0 ? lines : lines.slice(1)) {
    const person = readPerson(line, names, Math.max(id, 0), typed);
    const fault = "code" in person ? person : checkPerson(person, seen, maxBytes);
    if (fault) faults.push(fault);
    else if ("id" in person) {
      seen.set(person.id, person.line);
      people.push(person);
    }
  }
  faults.sort((a, b) => a.line - b.line);
  return { columns, people, faults };
}

function columnFaults(columns: string[], line: number): Fault[] {
  return columns.flatMap((name, i): Fault[] => {
    const clash = columns.some((other, j) => (j < i && other === name) || other.startsWith(`${name}.`));
    return name === "" || clash || name.split(".").includes("") ? [{ line, code: "column", about: name }] : [];
  });
}

function readPerson({ number, cells }: Line, names: string[], id: number, typed: boolean): Person | Fault {
  if (cells.length !== names.length) return { line: number, code: "cells", about: String(cells.length) };
  const values: JsonObject = {};
  try {
    cells.forEach((cell, i) => {
      if (i !== id && cell !== "") setPath(values, names[i] ?? "", typed ? readValue(cell) : cell);
    });
  } catch (error) {
    if (error instanceof InexactNumber) return { line: number, code: "inexact", about: error.message };
    throw error;
  }
  return { line: number, id: cells[id] ?? "", values };
}

function checkPerson(person: Person, seen: ReadonlyMap<string, number>, maxBytes: number): Fault | undefined {
  const { id, line, values } = person;
  if (id === "") return { line, code: "no-id" };
  if ([...id].length > maxIdCharacters || /\p{Cc}/u.test(id)) return { line, code: "bad-id" };
  const before = seen.get(id);
  if (before !== undefined) return { line, code: "twice", about: String(before) };
  return bytesOf(values) > maxBytes ? { line, code: "large" } : undefined;
}

/** "12.50" is a number and stays as it was written; "007" and "+49…" are texts. */
function readValue(cell: string): Json {
  if (cell === "true" || cell === "false") return cell === "true";
  return parseNumber(cell) ?? cell;
}

function setPath(target: JsonObject, path: string, value: Json) {
  const names = path.split(".");
  const last = names.pop() ?? "";
  let at = target;
  for (const name of names) {
    const next: JsonObject = Object.hasOwn(at, name) ? (at[name] as JsonObject) : {};
    setOwn(at, name, next);
    at = next;
  }
  setOwn(at, last, value);
}

/** Sets a value also under "__proto__", which an assignment takes for something else. */
function setOwn(target: JsonObject, name: string, value: Json) {
  Object.defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
}

/** The bytes of a value as compact JSON. */
export function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** Writes rows as CSV. A text that a spreadsheet would run as a formula begins with an apostrophe. */
export function writeCsv(rows: readonly (readonly string[])[]): string {
  const plain = (text: string) => (/^\s*([=@]|[+-](?![\d .]*$))/.test(text) ? `'${text}` : text);
  const cell = (text: string) => (/[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return rows.map((row) => `${row.map(plain).map(cell).join(",")}\r\n`).join("");
}
