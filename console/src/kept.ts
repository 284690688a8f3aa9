import { type Store, store } from "./store";

/** Work that is not saved at the API. The graph sets it, so that the dialog of a lost session can name it. */
export interface Kept {
  /** The journey's name. */
  name: string;
  changes: number;
  /** When the work was saved last, in ms since 1970; undefined if never. */
  savedAt: number | undefined;
  /** The work as JSON, for a file. */
  text: () => string;
}

/** The unsaved work of the present page; null if all is saved. */
export const kept: Store<Kept | null> = store<Kept | null>(null);
