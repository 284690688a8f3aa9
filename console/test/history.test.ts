import { expect, test } from "vitest";
import { begin, change, redo, seal, undo } from "../src/graph/history";

test("changes are taken back and made again", () => {
  let h = change(change(begin("a"), "b", "ab"), "c", "abc");
  h = undo(undo(h));
  expect([h.present, h.future.map(({ label }) => label)]).toEqual(["a", ["b", "c"]]);
  h = redo(h);
  expect([h.present, h.past.at(-1)?.label, h.future[0]?.label]).toEqual(["ab", "b", "c"]);
  expect(change(h, "d", "abd").future).toEqual([]);
});

test("a visit to a field is one step, and the next visit another", () => {
  let h = begin("");
  for (const text of ["B", "Bo", "Bob"]) h = change(h, "named", text, "name");
  expect(undo(h).present).toBe("");
  h = change(seal(h), "named", "Bobo", "name");
  expect(undo(h).present).toBe("Bob");
});

test("a change to the same value is none", () => {
  const h = begin({});
  expect(change(h, "nothing", h.present)).toBe(h);
});

test("a hundred steps are kept", () => {
  let h = begin(0);
  for (let i = 1; i <= 150; i++) h = change(h, `${i}`, i);
  for (let i = 0; i < 200; i++) h = undo(h);
  expect(h.present).toBe(50);
});
