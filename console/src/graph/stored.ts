import type { Schemas } from "../api";
import { readGraph, type Work } from "./types";

/** What is edited, as the API has it. */
export interface Stored {
  work: Work;
  /** The draft's tag; "" where no draft stands and the work is the live version. */
  tag: string;
  at: string;
  by: string;
}

/** A live version with the tag of its journey. */
export interface Live {
  work: Work;
  tag: string;
  at: string;
  by: string;
}

type Content = Pick<Schemas["Draft"], "definition" | "timezone" | "exitOn" | "exitWhen" | "goal">;

/** The part of a journey, a version or a draft that is edited. */
export function workOf(source: Content): Work {
  const { definition, timezone, exitOn, exitWhen, goal } = source;
  const settings = { timezone, exitOn, exitWhen, goal } as unknown as Omit<Work, "definition">;
  return { definition: readGraph(definition), ...settings };
}

/** A work as the body of a request, or a part of one. */
export function bodyOf(work: Work): Content {
  return work as unknown as Content;
}

interface Signed {
  updatedAt: string;
  updatedBy?: { sub: string; name?: string };
}

/** Returns the time and the author of the last change. */
export function signature({ updatedAt, updatedBy }: Signed): { at: string; by: string } {
  return { at: updatedAt, by: updatedBy?.name ?? updatedBy?.sub ?? "" };
}

/** A draft's answer as what is edited. */
export function storedOf({ data, etag }: { data: Schemas["Draft"]; etag: string }): Stored {
  return { work: workOf(data), tag: etag, ...signature(data) };
}

/** A journey's answer as its live version. */
export function liveOf({ data, etag }: { data: Schemas["Journey"]; etag: string }): Live {
  return { work: workOf(data), tag: etag, ...signature(data) };
}
