import { replaceQuery, useRoute } from "../../../route";

/** A version by its number, or the draft. */
export type Pick = number | "draft";

/** What is shown: one, or two that are compared. */
export type Choice = { one: Pick } | { a: Pick; b: Pick };

/** Reads what the address chooses. What it leaves open, or what is not there, is the newest change. */
export function readChoice(query: URLSearchParams, picks: readonly Pick[]): Choice | null {
  const read = (name: string) => picks.find((pick) => String(pick) === query.get(name));
  const [newest, before] = picks;
  if (newest === undefined) return null;
  if (query.has("one") || before === undefined) return { one: read("one") ?? newest };
  const b = read("b") ?? newest;
  const a = read("a") ?? (b === before ? newest : before);
  return { a, b };
}

/** The choice in the address. */
export function useChoice(picks: readonly Pick[]): [Choice | null, (choice: Choice) => void] {
  return [readChoice(useRoute().query, picks), write];
}

function write(choice: Choice) {
  replaceQuery(
    "one" in choice
      ? { one: String(choice.one), a: undefined, b: undefined }
      : { one: undefined, a: String(choice.a), b: String(choice.b) },
  );
}

/**
 * The choice after a press on a version. Of two, the one that was pressed before stays, or else B. The older is A,
 * so that what differs reads forward in time.
 */
export function press(choice: Choice, pick: Pick, last: Pick | null, picks: readonly Pick[]): Choice {
  if ("one" in choice) return { one: pick };
  const { a, b } = choice;
  if (pick === a || pick === b) return choice;
  const kept = last === a ? a : b;
  return picks.indexOf(kept) > picks.indexOf(pick) ? { a: kept, b: pick } : { a: pick, b: kept };
}
