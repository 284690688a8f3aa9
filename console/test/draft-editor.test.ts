import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Copy, CopyPlace } from "../src/graph/draft-copy";
import { DraftEditor } from "../src/graph/draft-editor";
import type { DraftPort } from "../src/graph/draft-port";
import type { Live, Stored } from "../src/graph/stored";
import type { Work } from "../src/graph/types";
import { Problem } from "../src/problem";

const work = (name: string): Work => ({
  definition: { nodes: [{ id: "e", type: "entry_trigger", label: name }], edges: [] },
  timezone: "UTC",
  exitOn: [],
  exitWhen: null,
  goal: null,
});
const nameOf = (w: Work) => w.definition.nodes[0]?.label;
const problem = (status: number) => new Problem(status, {}, new Headers());

/** The API, as far as one journey needs it. */
class Service implements DraftPort {
  live: Live | null = { work: work("live"), tag: '"1"', at: "", by: "" };
  draft: Stored | null = null;
  puts: string[] = [];
  /** Thrown before, or after, the next change is made. */
  failBefore: Error | undefined;
  failAfter: Error | undefined;
  #count = 0;

  /** Another editor saves. */
  save(name: string): Stored {
    this.draft = { work: work(name), tag: `"d${++this.#count}"`, at: "", by: "Bob" };
    return this.draft;
  }
  async readDraft() {
    if (this.live === null) throw problem(404);
    return this.draft;
  }
  async readLive() {
    if (this.live === null) throw problem(404);
    return this.live;
  }
  async put(w: Work, tag: string, basedOn: string) {
    this.puts.push(nameOf(w) ?? "");
    this.#fail("failBefore");
    if (this.live === null) throw problem(404);
    if (tag === "") expect(basedOn).toBe('"1"');
    if ((this.draft?.tag ?? "") !== tag) throw problem(412);
    this.draft = { work: w, tag: `"d${++this.#count}"`, at: "", by: "Ada" };
    this.#fail("failAfter");
    return this.draft;
  }
  async remove(tag: string) {
    if (this.draft?.tag !== tag) throw problem(412);
    this.draft = null;
  }
  #fail(when: "failBefore" | "failAfter") {
    const error = this[when];
    this[when] = undefined;
    if (error) throw error;
  }
}

class Copies implements CopyPlace {
  copy: Copy | null = null;
  read = () => this.copy;
  write = (copy: Copy) => {
    this.copy = copy;
  };
  remove = () => {
    this.copy = null;
  };
}

let service: Service;
let copies: Copies;
let editor: DraftEditor;

const open = () => new DraftEditor("j", service.live as Live, service.draft, service, copies);
const state = () => editor.snapshot.state.kind;
const type = (name: string) => editor.snapshot.change("named it", () => work(name));
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  service = new Service();
  copies = new Copies();
  editor = open();
});
afterEach(() => vi.useRealTimers());

describe("saving", () => {
  test("waits for a pause, then writes once", async () => {
    for (const name of ["a", "ab", "abc"]) {
      type(name);
      await pass(300);
    }
    expect([service.puts, state()]).toEqual([[], "changed"]);
    await pass(800);
    expect([service.puts, state(), copies.copy]).toEqual([["abc"], "saved", null]);
    await editor.snapshot.flush();
    expect(service.puts).toHaveLength(1);
  });

  test("a change while it saves is saved, too", async () => {
    type("a");
    const tag = editor.snapshot.flush();
    type("b");
    expect(await tag).toBe('"d2"');
    expect(service.puts).toEqual(["a", "b"]);
  });

  test("back at the live version there is no draft", async () => {
    type("a");
    await pass(800);
    editor.snapshot.undo();
    expect(await editor.snapshot.flush()).toBe("");
    expect([service.draft, state(), editor.snapshot.hasDraft]).toEqual([null, "clean", false]);
    editor.snapshot.redo();
    expect(await editor.snapshot.flush()).toBe('"d2"');
  });

  test("what cannot be saved now is kept and tried again", async () => {
    service.failBefore = problem(503);
    type("a");
    await expect(editor.snapshot.flush()).rejects.toThrow("waiting");
    expect([state(), nameOf(copies.copy?.work as Work)]).toEqual(["waiting", "a"]);
    editor.wake();
    await pass(0);
    expect(state()).toBe("saved");
  });

  test("what is refused says so until it is changed", async () => {
    service.failBefore = problem(400);
    type("a");
    await pass(800);
    expect(state()).toBe("refused");
    type("b");
    await pass(800);
    expect(state()).toBe("saved");
  });

  test("a save whose answer was lost is no conflict with itself", async () => {
    service.failAfter = problem(0);
    type("a");
    await pass(800);
    expect(state()).toBe("waiting");
    type("b");
    await pass(800);
    expect([state(), nameOf((service.draft as Stored).work)]).toEqual(["saved", "b"]);
  });

  test("a journey that is gone keeps the work", async () => {
    service.live = null;
    type("a");
    await pass(800);
    type("b");
    await pass(800);
    expect([state(), nameOf(editor.snapshot.work), service.puts]).toEqual(["deleted", "b", ["a"]]);
    expect(nameOf(copies.copy?.work as Work)).toBe("b");
  });

  test("a journey that is gone stays gone when the page saves", async () => {
    editor.snapshot.forget();
    await editor.snapshot.flush().catch(() => "");
    expect(state()).toBe("deleted");
  });
});

describe("two editors", () => {
  test("the second to save is asked, and nothing is overwritten until then", async () => {
    service.save("theirs");
    type("mine");
    await pass(800);
    const { state } = editor.snapshot;
    expect(state).toMatchObject({ kind: "conflict", theirs: { by: "Bob" } });
    type("mine still");
    await pass(2000);
    expect([nameOf((service.draft as Stored).work), service.puts]).toEqual(["theirs", ["mine"]]);
    editor.snapshot.resolve(editor.snapshot.work, "kept mine");
    await pass(0);
    expect(nameOf((service.draft as Stored).work)).toBe("mine still");
  });

  test("taking theirs writes nothing, and can be taken back", async () => {
    const theirs = service.save("theirs");
    type("mine");
    await pass(800);
    editor.snapshot.resolve(theirs.work, "took theirs");
    await pass(800);
    expect([editor.snapshot.state.kind, service.puts]).toEqual(["saved", ["mine"]]);
    editor.snapshot.undo();
    expect(nameOf(editor.snapshot.work)).toBe("mine");
  });

  test("what was saved elsewhere is shown before one types on", async () => {
    editor.heard(service.live as Live, service.save("theirs"));
    await pass(0);
    expect(editor.snapshot.elsewhere).toMatchObject({ by: "Bob" });
    editor.snapshot.takeElsewhere("took theirs");
    type("on top");
    expect(await editor.snapshot.flush()).toBe('"d2"');
  });

  test("a look that was answered late says nothing", async () => {
    type("a");
    await pass(800);
    const old = service.draft;
    type("b");
    await pass(800);
    editor.heard(service.live as Live, old);
    editor.heard(service.live as Live, null);
    await pass(0);
    expect(editor.snapshot.elsewhere).toBeNull();
  });

  test("a draft that was launched elsewhere is the live version", async () => {
    type("a");
    await pass(800);
    service.live = { ...(service.draft as Stored), tag: '"2"' };
    service.draft = null;
    editor.heard(service.live, null);
    await pass(0);
    expect([state(), editor.snapshot.hasDraft, nameOf(editor.snapshot.live)]).toEqual(["clean", false, "a"]);
  });
});

describe("another page of the same tab", () => {
  test("goes on with what was not saved", async () => {
    type("a");
    editor = open();
    expect([nameOf(editor.snapshot.work), state()]).toEqual(["a", "changed"]);
    await pass(800);
    expect(nameOf((service.draft as Stored).work)).toBe("a");
  });

  test("asks if another editor saved meanwhile", async () => {
    type("a");
    service.save("theirs");
    editor = open();
    expect(editor.snapshot.state).toMatchObject({ kind: "conflict", base: service.live?.work });
  });

  test("knows the save again that had no answer before the reload", async () => {
    service.failAfter = problem(0);
    type("a");
    await pass(800);
    type("b");
    editor = open();
    expect([nameOf(editor.snapshot.work), state()]).toEqual(["b", "changed"]);
    expect(await editor.snapshot.flush()).toBe('"d2"');
  });

  test("brings back an undo whose save was not sent", async () => {
    let answer = () => {};
    const put = service.put.bind(service);
    service.put = async (w, tag, basedOn) => {
      const stored = await put(w, tag, basedOn);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return stored;
    };
    type("a");
    await pass(800);
    editor.snapshot.undo();
    service.put = put;
    editor = open();
    expect([nameOf(editor.snapshot.work), state()]).toEqual(["live", "changed"]);
    answer();
  });

  test("forgets what was saved after all", async () => {
    type("a");
    await pass(800);
    copies.copy = { tag: "", base: work("live"), work: work("a") };
    editor = open();
    expect([state(), copies.copy]).toEqual(["saved", null]);
  });
});
