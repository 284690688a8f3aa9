import type { Schemas } from "../../api";

type Draft = Schemas["JourneyDraft"];

/** The fields that make a journey, in the order in which a file has them. The API gives it all others. */
export const draftFields = [
  "name",
  "description",
  "entryCondition",
  "reentry",
  "entryFrom",
  "entryUntil",
  "maxDurationDays",
  "timezone",
  "exitOn",
  "exitWhen",
  "goal",
  "definition",
] as const satisfies readonly (keyof Draft)[];

/** What `POST /journeys` needs to make the same journey again. */
export function draftOf(journey: Schemas["Journey"]): Draft {
  const all = journey as Record<string, unknown>;
  const fields = draftFields.filter((field) => all[field] !== undefined && all[field] !== null);
  return Object.fromEntries(fields.map((field) => [field, all[field]])) as unknown as Draft;
}

/** A journey as a file: numbers as they were written. */
export function writeJson(draft: Draft): string {
  return `${JSON.stringify(draft, null, 2)}\n`;
}
