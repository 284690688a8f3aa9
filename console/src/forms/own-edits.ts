// What is edited of journeys themselves and not applied yet: it outlives the form.
import type { Schemas } from "../api";
import { askBeforeLeaving } from "../kept";
import { type Store, store, useStore } from "../store";

/** What changes at once, in the journey itself. */
export type OwnChange = Pick<
  Schemas["JourneyChange"],
  "name" | "description" | "entryCondition" | "reentry" | "entryFrom" | "entryUntil" | "maxDurationDays"
>;

const edits: Store<ReadonlyMap<string, OwnChange>> = store<ReadonlyMap<string, OwnChange>>(new Map());
const none: OwnChange = {};

askBeforeLeaving(() => edits.get().size > 0);

/** The edits of a journey; an empty object for none. */
export function useOwnEdits(id: string): OwnChange {
  return useStore(edits).get(id) ?? none;
}

/** Changes the edits of a journey. */
export function changeOwnEdits(id: string, change: (before: OwnChange) => OwnChange) {
  const next = new Map(edits.get());
  const now = change(next.get(id) ?? none);
  if (Object.keys(now).length > 0) next.set(id, now);
  else next.delete(id);
  edits.set(next);
}
