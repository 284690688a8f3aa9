import { type Json, same } from "../json";
import { Problem } from "../problem";
import type { CopyPlace } from "./draft-copy";
import type { DraftPort } from "./draft-port";
import type { Editor, SaveState, Theirs } from "./editor";
import { begin, change, type History, redo, seal, undo } from "./history";
import type { Live, Stored } from "./stored";
import type { Work } from "./types";

const pause = 800; // ms without a change, after which it is saved
const retryAfter = 10_000;
const mostUnsure = 3; // a copy must fit into the storage of a tab

/** Whether two works say the same. */
export function sameWork(a: Work, b: Work): boolean {
  return a === b || same(a as unknown as Json, b as unknown as Json);
}

/** Edits a draft: keeps its history, saves it by itself, and notices what others save. */
export class DraftEditor {
  readonly #id: string;
  readonly #port: DraftPort;
  readonly #copies: CopyPlace;
  readonly #watchers = new Set<() => void>();
  readonly #passed = new Set<string>(); // tags that this editor has left behind
  #history: History<Work>;
  #live: Live;
  #fresh: Live; // as it was read last, taken over when its work is
  #stored: Stored; // what stands at the API, as far as this editor knows
  #unsure: Work[] = []; // sent, with no answer
  #state: SaveState;
  #elsewhere: Theirs | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #run: Promise<void> | undefined;
  #snapshot: Editor;

  constructor(id: string, live: Live, draft: Stored | null, port: DraftPort, copies: CopyPlace) {
    this.#id = id;
    this.#port = port;
    this.#copies = copies;
    this.#live = live;
    this.#fresh = live;
    this.#stored = draft ?? { ...live, tag: "" };
    this.#history = begin(this.#stored.work);
    this.#state = this.#settled();
    this.#restore();
    this.#snapshot = this.#draw();
  }

  /** Brings back what an earlier page could not save. */
  #restore() {
    const copy = this.#copies.read();
    if (copy === null) return;
    this.#unsure = copy.sent ?? [];
    if (sameWork(copy.work, this.#stored.work)) {
      this.#copies.remove();
    } else if (
      (copy.tag === this.#stored.tag && sameWork(copy.base, this.#stored.work)) ||
      copy.sent?.some((work) => sameWork(work, this.#stored.work))
    ) {
      this.#history = begin(copy.work);
      this.#state = { kind: "changed" };
      this.#timer = setTimeout(() => void this.#save(), pause);
    } else {
      this.#state = { kind: "conflict", theirs: this.#stored, base: copy.base };
      this.#stored = { ...this.#stored, tag: copy.tag, work: copy.base };
      this.#history = begin(copy.work);
    }
  }

  subscribe = (watcher: () => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** The editor as components see it. It is another object after each change. */
  get snapshot(): Editor {
    return this.#snapshot;
  }

  #draw(): Editor {
    return {
      journeyId: this.#id,
      work: this.#history.present,
      live: this.#live.work,
      hasDraft: this.#stored.tag !== "" || this.unsaved,
      state: this.#state,
      elsewhere: this.#elsewhere,
      undoes: this.#history.past.at(-1)?.label ?? null,
      redoes: this.#history.future[0]?.label ?? null,
      change: this.change,
      endSeries: this.endSeries,
      undo: this.undo,
      redo: this.redo,
      flush: this.flush,
      resolve: this.resolve,
      takeElsewhere: this.takeElsewhere,
      forget: this.forget,
    };
  }

  #publish(state = this.#state) {
    this.#state = state;
    this.#snapshot = this.#draw();
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Whether something is not saved at the API, as far as this editor knows. */
  get unsaved(): boolean {
    return !sameWork(this.#history.present, this.#stored.work);
  }

  #settled(): SaveState {
    const { tag, at, by } = this.#stored;
    return tag === "" ? { kind: "clean" } : { kind: "saved", at, by };
  }

  change = (label: string, edit: (work: Work) => Work, series?: string) => {
    this.#edit(change(this.#history, label, edit(this.#history.present), series ?? null));
  };

  endSeries = () => {
    this.#history = seal(this.#history);
  };

  undo = () => this.#edit(undo(this.#history));
  redo = () => this.#edit(redo(this.#history));

  #edit(next: History<Work>) {
    if (next.present === this.#history.present) return;
    this.#history = next;
    this.#keep();
    if (this.#state.kind === "conflict" || this.#state.kind === "deleted") return this.#publish();
    if (this.#run !== undefined) return this.#publish(); // it goes on with this change
    clearTimeout(this.#timer);
    if (!this.unsaved) return this.#publish(this.#settled());
    this.#timer = setTimeout(() => void this.#save(), pause);
    this.#publish({ kind: "changed" });
  }

  #keep() {
    const { tag, work: base } = this.#stored;
    const sent = this.#unsure;
    if (this.unsaved || sent.length > 0) this.#copies.write({ tag, base, work: this.#history.present, sent });
    else this.#copies.remove();
  }

  flush = async (): Promise<string> => {
    await this.#save();
    if (this.unsaved) throw this.#state.kind === "refused" ? this.#state.error : new Error(this.#state.kind);
    return this.#stored.tag;
  };

  /** Saves now, if something waits for it. One save runs at a time. */
  #save(): Promise<void> {
    clearTimeout(this.#timer);
    this.#run ??= this.#saveAll().finally(() => {
      this.#run = undefined;
    });
    return this.#run;
  }

  async #saveAll() {
    while (this.unsaved && this.#state.kind !== "conflict" && this.#state.kind !== "deleted") {
      this.#publish({ kind: "saving" });
      const work = this.#history.present;
      this.#unsure = [...this.#unsure.filter((sent) => sent !== work), work].slice(-mostUnsure);
      this.#keep();
      try {
        await this.#send(work);
      } catch (error) {
        if (!(await this.#recover(error, work))) return;
      }
    }
    if (!this.unsaved && this.#state.kind !== "deleted") {
      this.#copies.remove();
      this.#publish(this.#settled());
    }
  }

  async #send(work: Work) {
    const { tag } = this.#stored;
    if (tag !== "" && sameWork(work, this.#live.work)) {
      await this.#port.remove(tag); // a draft without changes is none
      this.#adopt({ ...this.#live, tag: "" });
      return;
    }
    const answer = await this.#port.put(work, tag, this.#live.tag);
    this.#adopt({ ...answer, work }); // not the answer's work: the API may write a default out
  }

  #adopt(stored: Stored) {
    if (this.#stored.tag !== "") this.#passed.add(this.#stored.tag);
    this.#passed.delete(stored.tag);
    this.#stored = stored;
    this.#unsure = [];
    this.#elsewhere = null;
    this.#keep();
  }

  /** Returns whether to go on saving. */
  async #recover(error: unknown, work: Work): Promise<boolean> {
    const status = error instanceof Problem ? error.status : 400;
    if (status === 412) return this.#collide();
    if (status === 404) {
      this.#publish({ kind: "deleted" });
    } else if (status === 0 || status === 401 || status === 429 || status >= 500) {
      this.#wait(error instanceof Problem ? error.retryAfter : undefined);
    } else {
      this.#unsure = this.#unsure.filter((sent) => sent !== work);
      this.#keep();
      this.#publish({ kind: "refused", error });
    }
    return false;
  }

  #wait(seconds?: number) {
    this.#publish({ kind: "waiting" });
    this.#timer = setTimeout(() => void this.#save(), seconds === undefined ? retryAfter : seconds * 1000);
  }

  /** Reads what stands at the API: the draft, or the live version if there is none. */
  async #read(): Promise<Stored> {
    const draft = await this.#port.readDraft();
    if (draft !== null) return draft;
    this.#fresh = await this.#port.readLive();
    return { ...this.#fresh, tag: "" };
  }

  async #collide(): Promise<boolean> {
    let theirs: Stored;
    try {
      theirs = await this.#read();
      if (theirs.tag === "") this.#live = this.#fresh;
    } catch (error) {
      if (error instanceof Problem && error.status === 404) this.#publish({ kind: "deleted" });
      else this.#wait();
      return false;
    }
    // An answer was lost, and the draft is what this editor sent itself.
    const own = [this.#history.present, this.#stored.work, ...this.#unsure];
    if (own.some((work) => sameWork(work, theirs.work))) {
      this.#adopt(theirs);
      return true;
    }
    this.#publish({ kind: "conflict", theirs, base: this.#stored.work });
    return false;
  }

  resolve = (work: Work, label: string) => {
    if (this.#state.kind !== "conflict") return;
    const { theirs } = this.#state;
    this.#history = change(this.#history, label, work);
    this.#adopt(theirs);
    this.#publish({ kind: "changed" });
    void this.#save();
  };

  takeElsewhere = (label: string) => {
    const theirs = this.#elsewhere;
    if (theirs === null) return;
    this.#history = change(this.#history, label, theirs.work);
    if (theirs.tag === "") this.#live = this.#fresh;
    this.#adopt(theirs);
    this.#publish(this.#settled());
  };

  /** Tries again at once, because the connection or the session is back. */
  wake = () => {
    if (this.#state.kind === "waiting") void this.#save();
  };

  /** Takes what another part of the console read, and looks closer if it is not what this editor knows. */
  heard(live: Live, draft: Stored | null) {
    if (this.#run !== undefined || this.#state.kind === "deleted" || this.#state.kind === "conflict") return;
    const tag = draft?.tag ?? "";
    if (tag === this.#stored.tag) {
      if (tag === "" && !sameWork(live.work, this.#live.work)) void this.#look();
      else this.#hearLive(live);
    } else if (tag !== this.#elsewhere?.tag && !this.#passed.has(tag)) {
      void this.#look();
    }
  }

  /** Takes another name or status of the journey, or beside a draft another live version. */
  #hearLive(live: Live) {
    if (live.tag === this.#live.tag) return;
    const same = sameWork(live.work, this.#live.work);
    this.#live = live;
    if (!same) this.#publish();
  }

  async #look() {
    let theirs: Stored;
    try {
      theirs = await this.#read();
    } catch {
      return; // a later look, or the next save, finds out
    }
    if (this.#run !== undefined || this.#passed.has(theirs.tag)) return;
    const known = theirs.tag === this.#stored.tag && sameWork(theirs.work, this.#stored.work);
    if (known) return;
    if (sameWork(theirs.work, this.#history.present)) {
      if (theirs.tag === "") this.#live = this.#fresh;
      this.#adopt(theirs);
      this.#publish(this.#settled());
    } else if (!this.unsaved) {
      this.#elsewhere = theirs;
      this.#publish();
    }
  }

  /** Learns that the journey is gone. */
  forget = () => {
    clearTimeout(this.#timer);
    this.#publish({ kind: "deleted" });
  };
}
