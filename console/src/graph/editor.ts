import type { Work } from "./types";

/** Where the draft is. */
export type SaveState =
  | { kind: "clean" } // no draft: the work is the live version
  | { kind: "saved"; at: string; by: string }
  | { kind: "changed" } // not saved yet
  | { kind: "saving" }
  | { kind: "waiting" } // offline or throttled; saved as soon as it can be
  | { kind: "refused"; error: unknown } // the API refused it, such as for its size
  | { kind: "conflict"; theirs: Work; tag: string; by: string; at: string } // another editor saved meanwhile
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
  /**
   * Makes a change, which can be undone under its label ("changed the wait"). Changes with the same
   * `series` that follow each other are one step: the letters of one visit to a field.
   */
  change(label: string, edit: (work: Work) => Work, series?: string): void;
  /** The label of the change that undo would take back; null for none. */
  undoes: string | null;
  redoes: string | null;
  undo(): void;
  redo(): void;
  /** Saves what is not saved yet. It resolves to the draft's tag when it stands; "" without a draft. */
  flush(): Promise<string>;
  /** Ends a conflict: keep the merged or own work over theirs, or take theirs. */
  resolve(work: Work): void;
  /** Deletes the draft: back to the live version. */
  discard(): Promise<void>;
}
