import words from "#words/create";
import { InexactNumber, isObject, type JsonObject, parse } from "../../json";
import type { Problem } from "../../problem";
import { say } from "../../say";
import { draftFields } from "./draft";
import { lineAt, offsetOf, readLines } from "./lines";

/** A fault of the text, at its line. */
export interface TextFault {
  line: number;
  offset: number;
  detail: string;
}

/** A journey as it was read from a text. */
export interface Imported {
  body: JsonObject;
  /** Fields of the text that a new journey cannot take over, such as its id. */
  left: string[];
  /** What pointers of the API's faults begin with, where the text is the definition only. */
  prefix: string;
}

// What the API gives each journey, and so refuses.
const given = ["id", "status", "version", "createdAt", "updatedAt", "createdBy", "updatedBy", "warnings", "nodeCount"];

/** Reads a journey, or the definition of one, from JSON. Other fields are left for the API to refuse. */
export function readImport(text: string, name: string): Imported | TextFault {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    if (error instanceof InexactNumber) {
      const offset = Math.max(0, text.indexOf(error.message));
      return faultAt(text, offset, say(words.inexact, { number: error.message }));
    }
    return faultAt(text, readLines(text).broken ?? 0, words.notJson);
  }
  if (!isObject(value)) return faultAt(text, 0, words.notObject);
  if (isDefinition(value)) return { body: { name, definition: value }, left: [], prefix: "/definition" };
  const left = Object.keys(value).filter((key) => given.includes(key));
  const body = Object.fromEntries(Object.entries(value).filter(([key]) => !given.includes(key)));
  return { body: { ...body, name: body["name"] ?? name }, left, prefix: "" };
}

/** Nodes or edges at the top, and nothing that a journey has. */
function isDefinition(value: JsonObject): boolean {
  return ("nodes" in value || "edges" in value) && !draftFields.some((field) => field in value);
}

function faultAt(text: string, offset: number, detail: string): TextFault {
  return { line: lineAt(text, offset), offset, detail };
}

/** The faults that the API found, at the lines of the text. */
export function faultsOf(problem: Problem, text: string, { prefix }: Imported): TextFault[] {
  const lines = readLines(text);
  return problem.faults.map(({ pointer, detail }) => {
    const own = prefix !== "" && pointer.startsWith(prefix) ? pointer.slice(prefix.length) : pointer;
    return faultAt(text, offsetOf(lines, own), `${pointer}: ${detail}`);
  });
}
