import type { Schemas } from "../api";
import type { Context } from "../condition/names";
import type { Graph, GraphNode } from "../graph/types";
import { isObject, type Json, type JsonObject } from "../json";
import type { Fault } from "../problem";

/** What the form of a kind of step gets. */
export interface StepForm {
  node: GraphNode;
  config: JsonObject;
  graph: Graph;
  settings: Schemas["Settings"] | undefined;
  context: Context;
  /** By pointer into the config. */
  faults: readonly Fault[];
  /** Sets a key of the config; undefined removes it. */
  set: (key: string, value: Json | undefined) => void;
  /** Changes the config as a whole. `field` names what was changed. */
  put: (config: JsonObject, field: string) => void;
}

/** The objects of a list; other members are left out. */
export function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** An object, or null where there is none. */
export function objectOf(value: Json | undefined): JsonObject | null {
  return isObject(value) ? value : null;
}

/** The list with a member moved by one. */
export function moved<T>(list: readonly T[], at: number, step: 1 | -1): T[] {
  const item = list[at];
  return item === undefined ? [...list] : list.toSpliced(at, 1).toSpliced(at + step, 0, item);
}
