import type { Work } from "./types";

/** What another editor, or another page, saved meanwhile. */
export interface Theirs {
  work: Work;
  /** The tag of their draft; "" if it was launched or discarded, and the work is the live version. */
  tag: string;
  by: string;
  at: string;
}

/** Where the draft is. */
export type SaveState =
  | { kind: "clean" } // no draft: the work is the live version
  | { kind: "saved"; at: string; by: string }
  | { kind: "changed" } // not saved yet
  | { kind: "saving" }
  | { kind: "waiting" } // offline, throttled or signed out; saved as soon as it can be
  | { kind: "refused"; error: unknown } // the API refused it, such as for its size
  | { kind: "conflict"; theirs: Theirs; base: Work } // both began from base
  | { kind: "deleted" };

/** The draft of a journey while it is edited. Build, Simulate, Versions and Launch share it. */
export interface Editor {
  journeyId: string;
  /** What is edited now, saved or not. */
  work: Work;
  /** The live version, from which the draft started; an empty graph for a new journey. */
  live: Work;
  /** Whether a draft stands beside the live version, or is about to. */
  hasDraft: boolean;
  state: SaveState;
  /** What was saved elsewhere since this page read it, while nothing here is unsaved; null for nothing. */
  elsewhere: Theirs | null;
  /**
   * Makes a change, which can be undone under its label ("changed the wait"). Changes with the same
   * `series` that follow each other are one step: the letters of one visit to a field.
   */
  change(label: string, edit: (work: Work) => Work, series?: string): void;
  /** Ends a series: called when a field is left. */
  endSeries(): void;
  /** The label of the change that undo would take back; null for none. */
  undoes: string | null;
  redoes: string | null;
  undo(): void;
  redo(): void;
  /**
   * Saves what is not saved yet. It resolves to the draft's tag when it stands; "" without a draft.
   * It rejects if the work cannot be saved now.
   */
  flush(): Promise<string>;
  /** Ends a conflict with this work over theirs; their own work takes theirs. */
  resolve(work: Work, label: string): void;
  /** Shows what was saved elsewhere, under a label that undo takes back. */
  takeElsewhere(label: string): void;
  /** Stops saving: the journey is gone. */
  forget(): void;
}
