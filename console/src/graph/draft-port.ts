import { api, call, type Schemas } from "../api";
import type { JsonObject } from "../json";
import { Problem } from "../problem";
import { keys, queries } from "../queries";
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

/** The calls of an editor. Each throws a Problem if it fails. */
export interface DraftPort {
  readDraft(): Promise<Stored | null>;
  readLive(): Promise<Live>;
  /** Changes the draft that has the tag, or creates one from the journey that has the tag `basedOn`. */
  put(work: Work, tag: string, basedOn: string): Promise<Stored>;
  remove(tag: string): Promise<void>;
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

/** Returns when something was changed last, and by whom. */
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

/** Returns the calls for a journey. They keep the cache of the places up to date. */
export function draftPort(id: string): DraftPort {
  const path = { id };
  return {
    async readDraft() {
      try {
        const answer = await call(api.GET("/journeys/{id}/draft", { params: { path } }));
        queries.setQueryData(keys.draft(id), answer);
        return storedOf(answer);
      } catch (error) {
        if (!(error instanceof Problem && error.code === "no-draft")) throw error;
        queries.setQueryData(keys.draft(id), null);
        return null;
      }
    },
    async readLive() {
      const answer = await call(api.GET("/journeys/{id}", { params: { path } }));
      queries.setQueryData(keys.journey(id), answer);
      return liveOf(answer);
    },
    async put(work, tag, basedOn) {
      await queries.cancelQueries({ queryKey: keys.draft(id) }); // its answer would be older than this one
      const header = tag === "" ? ({ "If-None-Match": "*" } as const) : { "If-Match": tag };
      const body = { ...bodyOf(work), ...(tag === "" ? { basedOn } : {}) } as JsonObject & Schemas["DraftChange"];
      const answer = await call(api.PUT("/journeys/{id}/draft", { params: { path, header }, body }));
      queries.setQueryData(keys.draft(id), answer);
      return storedOf(answer);
    },
    async remove(tag) {
      await queries.cancelQueries({ queryKey: keys.draft(id) });
      await call(api.DELETE("/journeys/{id}/draft", { params: { path, header: { "If-Match": tag } } }));
      queries.setQueryData(keys.draft(id), null);
    },
  };
}
