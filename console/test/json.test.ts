import { expect, test } from "vitest";
import { numberOf, parse, parseNumber, same, scalarText } from "../src/json";

test("numbers stay as they were written", () => {
  const text = '{"a":9007199254740993,"b":[1.0,1e400,-0,0.1],"c":"9007199254740993","d":42}';
  expect(JSON.stringify(parse(text))).toBe(text);
});

test("a number is compared as it was written", () => {
  expect(same(parse("9007199254740993"), parse("9007199254740992"))).toBe(false);
  expect(same(parse('{"a":1,"b":[9007199254740993]}'), parse('{"b":[9007199254740993],"a":1}'))).toBe(true);
});

test("typed numbers are exact, and other texts are none", () => {
  expect(scalarText(parseNumber("9007199254740993"))).toBe("9007199254740993");
  expect(parseNumber("12")).toBe(12);
  for (const text of ["", "1.", "01", "1,5", "NaN", "0x10", " 1"]) expect(parseNumber(text)).toBeUndefined();
});

test("a key with the name of a prototype is a key", () => {
  expect(same(parse('{"__proto__":{}}'), {})).toBe(false);
  expect(same(parse('{"__proto__":{"a":1}}'), parse('{"__proto__":{"a":1}}'))).toBe(true);
});

test("a number is about what it is, also as it was written", () => {
  expect([numberOf(parse("3.0")), numberOf(parse("1e2")), numberOf(undefined), numberOf("x")]).toEqual([3, 100, 0, 0]);
});
