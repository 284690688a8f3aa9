import { expect, test } from "vitest";
import { cut, sentence } from "../src/condition/sentence";
import { type JsonObject, parse } from "../src/json";

const says = (text: string, max?: number) => sentence(parse(text) as JsonObject, max);
const leaf = (field: string, operator: string, value: string) =>
  `{"field":"${field}","operator":"${operator}","value":${value}}`;

test.each([
  [leaf("visits", "gt", "5"), "visits is more than 5"],
  [leaf("attributes.visits", "gte", "5"), "visits is at least 5"],
  [leaf("visits", "lt", "5"), "visits is less than 5"],
  [leaf("visits", "lte", "5"), "visits is at most 5"],
  [leaf("trialEndsAt", "gt", '"2026-11-23"'), "trialEndsAt is after 2026-11-23"],
  [leaf("trialEndsAt", "lte", '"2026-11-23"'), "trialEndsAt is at or before 2026-11-23"],
  [leaf("plan", "eq", '"free"'), "plan is free"],
  [leaf("plan", "eq", '"80"'), "plan is “80”"],
  [leaf("plan", "eq", '"yes"'), "plan is “yes”"],
  [leaf("plan", "eq", '""'), "plan is “” (empty)"],
  [leaf("plan", "neq", '"free"'), "plan is not free"],
  [leaf("blocked", "eq", "true"), "blocked is yes"],
  [leaf("plan", "in", '["free"]'), "plan is free"],
  [leaf("plan", "in", '["free","trial"]'), "plan is free or trial"],
  [leaf("plan", "in", '["free","trial","pro"]'), "plan is one of free, trial, pro"],
  [leaf("plan", "exists", "true"), "plan is set"],
  ['{"field":"plan","operator":"exists"}', "plan is set"],
  [leaf("plan", "exists", "false"), "plan is not set"],
  [leaf("tags", "contains", '"vip"'), "tags contains vip"],
  [leaf("sku", "starts_with", '"A-"'), "sku starts with A-"],
  [leaf("seenAt", "within_last", '{"value":1,"unit":"days"}'), "seenAt was in the last 1 day"],
  [leaf("endsAt", "within_next", '{"value":3,"unit":"days"}'), "endsAt is in the next 3 days"],
  [leaf("seenAt", "older_than", '{"value":1.5,"unit":"hours"}'), "seenAt is more than 1.5 hours ago"],
  ['{"event":"purchase","since":"entry"}', "purchase came since they entered"],
  ['{"event":"purchase","since":{"value":7,"unit":"days"}}', "purchase came in the last 7 days"],
])("says %s", (condition, expected) => {
  expect(says(condition)).toBe(expected);
});

test("keeps numbers as they were written", () => {
  expect(says(leaf("id", "eq", "9007199254740993"))).toBe("id is 9007199254740993");
  expect(says(leaf("rate", "gt", "1.50"))).toBe("rate is more than 1.50");
});

test("says the opposite of a test and of a group", () => {
  expect(says(`{"not":${leaf("visits", "gt", "5")}}`)).toBe("visits is not more than 5");
  expect(says(`{"not":${leaf("plan", "in", '["a","b"]')}}`)).toBe("plan is neither a nor b");
  expect(says('{"not":{"any":[{"event":"purchase","since":"entry"}]}}')).toBe("no purchase came since they entered");
  expect(says(`{"not":{"all":[${leaf("a", "eq", "1")},${leaf("b", "eq", "2")}]}}`)).toBe("a is not 1, or b is not 2");
  expect(says(`{"not":{"not":${leaf("a", "eq", "1")}}}`)).toBe("a is 1");
  expect(says('{"all":[]}')).toBe("it is anyone");
  expect(says('{"not":{"all":[]}}')).toBe("it is no one");
});

test("says groups in groups without doubt", () => {
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => leaf(name, "eq", "1"));
  expect(
    says(`{"all":[${a},{"any":[${b},${c}]},{"not":{"any":[{"event":"purchase","since":{"value":7,"unit":"days"}}]}}]}`),
  ).toBe("a is 1, either b is 1 or c is 1, and no purchase came in the last 7 days");
  expect(says(`{"any":[${a},{"all":[${b},${c}]}]}`)).toBe("a is 1, or both b is 1 and c is 1");
  expect(says(`{"any":[{"all":[${a},{"any":[${b},${c}]}]},${d}]}`)).toBe(
    "both a is 1 and (b is 1, or c is 1), or d is 1",
  );
});

test("goes through eight levels", () => {
  let text = leaf("deep", "eq", "1");
  for (let i = 0; i < 7; i++)
    text = `{"${["all", "any", "not"][i % 3]}":${i % 3 === 2 ? text : `[${text},${leaf(`f${i}`, "eq", "1")}]`}}`;
  expect(says(text)).toContain("deep is");
});

test("shows what it does not know as JSON", () => {
  expect(says('{"near":[1,2]}')).toBe('{"near":[1,2]} holds');
  expect(says(leaf("a", "sounds_like", '"b"'))).toContain("sounds_like");
});

test("is short in signs, and cut with an ellipsis", () => {
  const both = `{"all":[${leaf("cart.total", "gte", "80")},${leaf("cart.currency", "eq", '"EUR"')}]}`;
  expect(says(both, 60)).toBe("cart.total ≥ 80, and cart.currency = EUR");
  expect(says(both, 20)).toBe("cart.total ≥ 80…");
  expect([...cut("Warenkorbabbruchangebot", 10)].length).toBe(10);
});
