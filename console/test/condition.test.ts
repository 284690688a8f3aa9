import { expect, test } from "vitest";
import {
  append,
  copyOf,
  depthOf,
  editLeaf,
  type Group,
  missingIn,
  move,
  newEvent,
  newGroup,
  newTest,
  pointersOf,
  type Row,
  read,
  remove,
  replace,
  write,
} from "../src/condition/rows";
import { kindFor, readValue, showValue } from "../src/condition/values";
import { type Json, type JsonObject, parse } from "../src/json";

// A generator with a seed of its own, so that a failure can be repeated.
function random(seed: number) {
  let state = seed;
  const next = () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
  const below = (n: number) => Math.floor(next() * n);
  return { below, of: <T>(...all: T[]): T => all[below(all.length)] as T };
}
type Random = ReturnType<typeof random>;

const scalars = [
  "5",
  "-1.50",
  "9007199254740993",
  "1e400",
  "true",
  "false",
  '"free"',
  '"80"',
  '""',
  '"2026-11-23"',
  '"\\"x\\""',
];

function randomLeaf(r: Random): string {
  const scalar = () => r.of(...scalars);
  const period = () => `{"value":${r.of("7", "1.50", "0")},"unit":"${r.of("minutes", "hours", "days", "weeks")}"}`;
  const field = r.of("plan", "event.total", '[\\"utm.source\\"]', "");
  return r.of(
    () =>
      `{"field":"${field}","operator":"${r.of("eq", "neq", "gt", "lte", "contains", "starts_with", "near")}","value":${scalar()}}`,
    () => `{"value":${scalar()},"operator":"eq","field":"${field}"}`,
    () => `{"field":"${field}","operator":"in","value":[${scalar()},${scalar()}]}`,
    () => `{"field":"${field}","operator":"in","value":[]}`,
    () => `{"field":"${field}","operator":"exists"${r.of("", ',"value":false', ',"value":3')}}`,
    () => `{"field":"${field}","operator":"${r.of("within_last", "older_than")}","value":${period()}}`,
    () => `{"event":"purchase","since":${r.of('"entry"', period())}}`,
    () => `{"field":"${field}","operator":"eq","value":null}`,
    () => `{"field":"${field}","operator":"eq","value":1,"note":${scalar()}}`,
    () => r.of("7", "null", '{"near":[1,{"x":2}]}', "[]", "{}", '{"all":3}'),
  )();
}

function randomCondition(r: Random, depth: number): string {
  if (depth === 0 || r.below(3) === 0) return randomLeaf(r);
  const members = Array.from({ length: r.below(4) }, () => randomCondition(r, depth - 1)).join(",");
  return r.of(
    () => `{"all":[${members}]}`,
    () => `{"any":[${members}]}`,
    () => `{"not":${randomCondition(r, depth - 1)}}`,
    () => `{"not":{"any":[${members}]}}`,
    () => `{"all":[${members}],"name":"kept"}`,
  )();
}

test("1,000 random conditions are written as they were read", () => {
  const r = random(17);
  for (let i = 0; i < 1000; i++) {
    const text = randomCondition(r, r.below(8));
    const condition = parse(text);
    if (condition === null) continue; // no condition
    expect(JSON.stringify(write(read(condition)))).toBe(JSON.stringify(condition));
  }
});

test("every row knows where it stands", () => {
  const r = random(5);
  for (let i = 0; i < 200; i++) {
    const condition = parse(randomCondition(r, 4));
    if (condition === null) continue;
    const root = read(condition);
    const pointers = pointersOf(root);
    eachLeaf(root, (leaf) => expect(at(condition, pointers.get(leaf.id) ?? "?")).toEqual(leaf.json));
  }
});

function eachLeaf(row: Row, visit: (leaf: Exclude<Row, Group>) => void) {
  if (row.kind === "group") for (const member of row.rows) eachLeaf(member, visit);
  else visit(row);
}

function at(json: Json, pointer: string): Json | undefined {
  return pointer
    .split("/")
    .slice(1)
    .reduce<Json | undefined>((value, key) => (value as Record<string, Json>)[key], json);
}

test("an unfinished line is not saved, and an unfinished edit keeps what was saved", () => {
  const fresh = newTest();
  let root = append(read(parse('{"field":"plan","operator":"eq","value":"free"}')), 0, fresh);
  root = append(root, root.id, fresh);
  expect(write(root)).toEqual({ all: [{ field: "plan", operator: "eq", value: "free" }] });
  root = replace(root, fresh.id, (row) => editLeaf(row as typeof fresh, { field: "visits", operator: "gt", value: 5 }));
  expect((write(root) as { all: Json[] }).all[1]).toEqual({ field: "visits", operator: "gt", value: 5 });
  root = replace(root, fresh.id, (row) => editLeaf(row as typeof fresh, { field: "", operator: "gt", value: 5 }));
  expect((write(root) as { all: Json[] }).all[1]).toEqual({ field: "visits", operator: "gt", value: 5 });
  root = remove(root, fresh.id);
  expect(write(root)).toEqual({ all: [{ field: "plan", operator: "eq", value: "free" }] });
  const [first] = root.rows;
  expect(write(remove(root, first?.id ?? 0))).toBeUndefined();
});

test("says what a line needs", () => {
  expect(missingIn(newTest())).toBe("field");
  expect(missingIn(newEvent("entry"))).toBe("event");
  const line = (json: Json) => missingIn({ ...newTest(), json });
  expect(line({ field: "a", operator: "eq" })).toBe("value");
  expect(line({ field: "a", operator: "in", value: [] })).toBe("value");
  expect(line({ field: "a..b", operator: "exists" })).toBe("field");
  expect(line({ field: "a", operator: "within_last", value: { value: 0, unit: "days" } })).toBe("period");
  expect(line({ field: "a", operator: "exists" })).toBeUndefined();
});

test("lines move past lines, into groups and out of them", () => {
  const root = read(
    parse(
      '{"all":[{"event":"a","since":"entry"},{"any":[{"event":"b","since":"entry"}]},{"event":"c","since":"entry"}]}',
    ),
  );
  const events = (group: Group) => JSON.stringify(write(group)).replaceAll(/\{"event":"(\w)","since":"entry"\}/g, "$1");
  const a = root.rows[0]?.id ?? 0;
  expect(events(move(root, a, -1))).toBe('{"all":[a,{"any":[b]},c]}');
  const inside = move(root, a, 1);
  expect(events(inside)).toBe('{"all":[{"any":[a,b]},c]}');
  expect(events(move(inside, a, 1))).toBe('{"all":[{"any":[b,a]},c]}');
  expect(events(move(move(inside, a, 1), a, 1))).toBe('{"all":[{"any":[b]},a,c]}');
  expect(events(move(inside, a, -1))).toBe('{"all":[a,{"any":[b]},c]}');
});

test("counts the depth as the API does, and copies get ids of their own", () => {
  expect(depthOf(read(parse('{"field":"a","operator":"exists"}')))).toBe(0);
  expect(depthOf(read(parse('{"not":{"any":[{"all":[]}]}}')))).toBe(3);
  const group = newGroup("any", [newTest()]);
  const copy = copyOf(group) as Group;
  expect(copy.id).not.toBe(group.id);
  expect(copy.rows[0]?.id).not.toBe(group.rows[0]?.id);
});

test.each(["string", "number", "boolean", "date", undefined] as const)(
  "a value is read as it is shown, for %s",
  (kind) => {
    for (const text of scalars) {
      const value = parse(text) as Exclude<Json, null | JsonObject | Json[]>;
      const fitting = kindFor(kind, value);
      const back = readValue(showValue(value, fitting), fitting);
      expect(JSON.stringify("value" in back ? back.value : back)).toBe(JSON.stringify(value));
    }
  },
);
