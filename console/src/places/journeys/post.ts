import { api, call, newKey, type Schemas } from "../../api";
import { keys, queries } from "../../cache";

/** Creates a journey. A repeat with the same key creates no second one. The list is read again. */
export async function createJourney(body: Schemas["JourneyDraft"], key = newKey()) {
  const { data } = await call(api.POST("/journeys", { params: { header: { "Idempotency-Key": key } }, body }));
  await readListAgain(data.id);
  return data;
}

/** Reads the list and its figures again, and the journey, unless it was deleted. */
export async function readListAgain(id?: string) {
  const stale = [keys.journeys, keys.figures, ...(id === undefined ? [] : [keys.journey(id)])];
  await Promise.all(stale.map((queryKey) => queries.invalidateQueries({ queryKey })));
}
