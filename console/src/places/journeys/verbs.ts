// What the list does with a journey. Loaded with the first verb.
import words from "#words/verbs";
import { api, call, type Schemas } from "../../api";
import { bodyOf, workOf } from "../../graph/stored";
import { Problem } from "../../problem";
import { say } from "../../say";
import { announce } from "../../ui/announce";
import { download } from "../../ui/download";
import { draftOf, writeJson } from "./draft";
import type { Row } from "./list";
import { createJourney, readListAgain } from "./post";

export type Verb = "pause" | "resume" | "unarchive" | "duplicate" | "export";
type Status = Schemas["Status"];

/** What is said while it is done, and where it could not be. */
export const sayings: Record<Verb, { doing: string; could: string }> = {
  pause: { doing: words.pausing, could: words.couldPause },
  resume: { doing: words.resuming, could: words.couldResume },
  unarchive: { doing: words.unarchiving, could: words.couldUnarchive },
  duplicate: { doing: words.duplicating, could: words.couldDuplicate },
  export: { doing: words.exporting, could: words.couldExport },
};

/** Does what a verb says. It returns when the list shows it. */
export async function act(verb: Verb, row: Row): Promise<void> {
  switch (verb) {
    case "pause":
      return change(row, "paused", words.donePause);
    case "resume":
      return change(row, "active", words.doneResume);
    case "unarchive":
      return change(row, "paused", words.doneUnarchive);
    case "duplicate":
      return duplicate(row);
    case "export":
      return exportJson(row);
  }
}

/** Reads a journey and its tag from the API, not from the cache. */
export async function readJourney(id: string) {
  return call(api.GET("/journeys/{id}", { params: { path: { id } } }));
}

/** Reads what a copy is made of. A journey that was never launched has its work in its draft. */
async function readToCopy(id: string): Promise<Schemas["Journey"]> {
  const { data } = await readJourney(id);
  if (data.status !== "draft") return data;
  try {
    const draft = await call(api.GET("/journeys/{id}/draft", { params: { path: { id } } }));
    return { ...data, ...bodyOf(workOf(draft.data)) };
  } catch (error) {
    if (error instanceof Problem && error.code === "no-draft") return data;
    throw error;
  }
}

async function change({ id, name }: Row, status: Status, done: string) {
  const { etag } = await readJourney(id);
  await setStatus(id, status, etag);
  await readListAgain(id);
  announce(say(done, { name }));
}

/** Changes the status if the journey still is as it was read. */
export async function setStatus(id: string, status: Status, etag: string) {
  const params = { path: { id }, header: { "If-Match": etag } };
  await call(api.PUT("/journeys/{id}", { params, body: { status } }));
}

async function duplicate({ id, name }: Row) {
  const data = await readToCopy(id);
  const copy = cutName(say(words.copyName, { name: data.name }));
  const created = await createJourney({ ...draftOf(data), name: copy });
  announce(say(words.doneDuplicate, { name, copy }));
  await focusRow(created.id);
}

/** Moves the focus to a row, once the list has drawn it. It may be on another page. */
async function focusRow(id: string) {
  for (let frame = 0; frame < 30; frame++) {
    const link = document.querySelector<HTMLElement>(`[data-row="${id}"]`);
    if (link) return link.focus();
    await new Promise(requestAnimationFrame);
  }
}

/** The API takes 255 characters. */
function cutName(name: string): string {
  return [...name].slice(0, 255).join("");
}

async function exportJson({ id, name }: Row) {
  const data = await readToCopy(id);
  download(`${name}.json`, writeJson(draftOf(data)));
  announce(say(words.doneExport, { name }));
}
