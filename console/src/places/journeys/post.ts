import { api, call, newKey, type Schemas } from "../../api";
import { keys, queries } from "../../cache";

/** Creates a journey. A repeat with the same key creates no second one. The list is read again. */
export async function createJourney(body: Schemas["JourneyDraft"], key = newKey()) {
  const { data } = await call(api.POST("/journeys", { params: { header: { "Idempotency-Key": key } }, body }));
  await readListAgain(data.id);
  return data;
}

/** Reads the list, its figures and the journey again. */
export async function readListAgain(id: string) {
  await Promise.all([
    queries.invalidateQueries({ queryKey: keys.journeys }),
    queries.invalidateQueries({ queryKey: keys.figures }),
    queries.invalidateQueries({ queryKey: keys.journey(id) }),
  ]);
}
