import type { Graph, GraphNode, Work } from "../../../graph/types";
import { isObject, type Json, type JsonObject } from "../../../json";

/** The most personas that a journey keeps. */
export const maxPersonas = 20;

/** Paths of values that say who a customer is, not what they do. */
export const identifies = /mail|phone|mobile|name|street|address|zip|birth|id$/i;

/** An event of a persona. */
export interface PersonaEvent extends JsonObject {
  type: string;
  /** Hours after the entry; negative before it. */
  afterHours: number;
  properties?: JsonObject;
}

/** What is reported of a message that a persona is sent. */
export interface PersonaReport extends JsonObject {
  /** The step that sends it. */
  step: string;
  is: string;
  /** Hours after it was sent. */
  afterHours: number;
}

/** The customer of a simulation, as the API takes it. */
export interface PersonaTest extends JsonObject {
  customerId?: string;
  customerAttributes?: JsonObject;
  now?: string;
  entryEvent?: { type: string; properties?: JsonObject };
  events?: PersonaEvent[];
  feedback?: PersonaReport[];
  subscriptions?: Record<string, boolean>;
  decisions?: JsonObject;
  branches?: Record<string, string>;
}

/** A made-up customer. Kept in the entry's appearance, so that it makes no version. */
export interface Persona extends JsonObject {
  id: string;
  name: string;
  note?: string;
  test: PersonaTest;
}

/** The entry of a graph; undefined if it has none. */
export function entryOf(graph: Graph): GraphNode | undefined {
  return graph.nodes.find((node) => node.type === "entry_trigger");
}

/** Reads the personas of a journey. What another program kept there in another form is left out. */
export function readPersonas(graph: Graph): Persona[] {
  const data = entryOf(graph)?.["data"];
  const kept: Json | undefined = isObject(data) ? data["personas"] : undefined;
  if (!Array.isArray(kept)) return [];
  const seen = new Set<string>();
  return kept.slice(0, maxPersonas).flatMap((value, i) => {
    if (!isObject(value) || !isObject(value["test"])) return [];
    const name = typeof value["name"] === "string" ? value["name"] : "";
    let id = typeof value["id"] === "string" ? value["id"] : `p${i + 1}`;
    while (seen.has(id)) id = `${id}+`;
    seen.add(id);
    return [{ ...value, id, name, test: value["test"] as PersonaTest }];
  });
}

/** Returns the work with these personas in its entry. */
export function writePersonas(work: Work, personas: readonly Persona[]): Work {
  const entry = entryOf(work.definition);
  if (entry === undefined) return work;
  const { personas: _, ...data } = isObject(entry["data"]) ? entry["data"] : {};
  const { data: __, ...rest } = entry;
  const next = personas.length > 0 ? { ...data, personas: [...personas] } : data;
  const changed: GraphNode = Object.keys(next).length > 0 ? { ...rest, data: next } : rest;
  const nodes = work.definition.nodes.map((node) => (node === entry ? changed : node));
  return { ...work, definition: { ...work.definition, nodes } };
}

/** A short id that no other persona has. */
export function newId(): string {
  return crypto.randomUUID().slice(0, 8);
}

/** The first name that is free, such as "Persona 3". */
export function freeName(personas: readonly Persona[], from: number, name: (n: number) => string): string {
  const taken = new Set(personas.map((persona) => persona.name));
  let n = from;
  while (taken.has(name(n))) n++;
  return name(n);
}

/** Two letters for a name. */
export function initials(name: string): string {
  const parts = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const last = parts.length > 1 ? (parts.at(-1)?.[0] ?? "") : "";
  return ((parts[0]?.[0] ?? "?") + last).toUpperCase();
}

/** The graph without its appearance, so that names and places of steps and the personas themselves change no request. */
function withoutAppearance(graph: Graph): Graph {
  const nodes = graph.nodes.map((node) => {
    const { data: _, position: __, label: ___, ...rest } = node;
    return rest as GraphNode;
  });
  return { ...graph, nodes };
}

/** The body of the request for one persona on the graph as it is now. */
export function requestOf(work: Work, test: PersonaTest, now: string): JsonObject {
  return {
    ...test,
    now: test.now ?? now,
    definition: withoutAppearance(work.definition),
    timezone: work.timezone,
    exitOn: work.exitOn,
    exitWhen: work.exitWhen,
    goal: work.goal,
  };
}
