import { api, call, type Schemas } from "../api";
import type { JsonObject } from "../json";
import { Problem } from "../problem";
import { keys, queries } from "../queries";
import { bodyOf, type Live, liveOf, type Stored, storedOf } from "./stored";
import type { Work } from "./types";

/** The calls of an editor. Each throws a Problem if it fails. */
export interface DraftPort {
  readDraft(): Promise<Stored | null>;
  readLive(): Promise<Live>;
  /** Changes the draft that has the tag, or creates one from the journey that has the tag `basedOn`. */
  put(work: Work, tag: string, basedOn: string): Promise<Stored>;
  remove(tag: string): Promise<void>;
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
