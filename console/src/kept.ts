import { type Store, store } from "./store";

/** Work that is not saved at the API. The graph sets it, so that the dialog of a lost session can name it. */
export interface Kept {
  /** The journey's name. */
  name: string;
  /** How many changes there are. */
  changes: () => number;
  /** When the work was saved last, in ms since 1970; undefined if never. */
  savedAt: number | undefined;
  /** The work as JSON, for a file. */
  text: () => string;
}

/** The unsaved work of the present page; null if all is saved. */
export const kept: Store<Kept | null> = store<Kept | null>(null);

interface Check {
  isUnsaved: () => boolean;
  /** Whether this tab still has the work after the page was loaded again. */
  survives: boolean;
}

const checks = new Set<Check>();
let returns = false;

window.addEventListener("beforeunload", (event) => {
  if ([...checks].some(({ isUnsaved, survives }) => !(returns && survives) && isUnsaved())) event.preventDefault();
});

/** Lets the browser ask before the page goes away with unsaved work. Returns what ends that. */
export function askBeforeLeaving(isUnsaved: () => boolean, survives = false): () => void {
  const check = { isUnsaved, survives };
  checks.add(check);
  return () => void checks.delete(check);
}

/** Says whether the page is about to go away and come back in this tab, as for a sign-in. */
export function setReturns(value: boolean) {
  returns = value;
}
