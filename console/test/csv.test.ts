import { expect, test } from "vitest";
import { keepsExactNumbers } from "../src/json";
import { findSeparator, parseCsv, readPeople, writeCsv } from "../src/places/people/csv";

const cells = (text: string) => parseCsv(text).lines.map((line) => line.cells);

test("reads quotes, separators and line breaks within a cell", () => {
  expect(cells('a,"b, c","say ""hi"""\r\n"x\r\ny",,z\n')).toEqual([
    ["a", "b, c", 'say "hi"'],
    ["x\r\ny", "", "z"],
  ]);
});

test("finds the separator outside of quotes", () => {
  expect(findSeparator('"a,b,c";d;e\n1,2,3,4')).toBe(";");
  expect(findSeparator("a\tb")).toBe("\t");
  expect(findSeparator("alone")).toBe(",");
});

test("takes a BOM, old Mac line ends and a last line without an end", () => {
  expect(cells("\uFEFFcustomerId;plan\r1;free\r2;pro")).toEqual([
    ["customerId", "plan"],
    ["1", "free"],
    ["2", "pro"],
  ]);
});

test("numbers lines as an editor does, after cells with line breaks and empty lines too", () => {
  expect(parseCsv('h\n\n"a\nb"\nlast').lines.map((line) => line.number)).toEqual([1, 3, 5]);
});

test("names a quote that is not closed, and text after a closing one", () => {
  expect(parseCsv('a\n"b').faults).toEqual([{ line: 2, code: "quote" }]);
  expect(parseCsv('"a"b\nc').faults).toEqual([{ line: 1, code: "quote" }]);
});

test("reads plain ids", () => {
  const { people, columns, faults } = readPeople("cus_1\n cus_2 \n\ncus_3");
  expect(people.map(({ id }) => id)).toEqual(["cus_1", "cus_2", "cus_3"]);
  expect([columns, faults]).toEqual([[], []]);
});

test.skipIf(!keepsExactNumbers)("reads columns as values, numbers exactly and ids as they are", () => {
  const { people } = readPeople(
    'customerId,cart.total,cart.paid,phone,note\n007,12345678901234567890,true,+48601,""\n',
  );
  expect(people[0]?.id).toBe("007");
  expect(JSON.stringify(people[0]?.values)).toBe(
    '{"cart":{"total":12345678901234567890,"paid":true},"phone":"+48601"}',
  );
});

test("keeps every value as text where that is asked for", () => {
  expect(readPeople("id;zip\n1;10115", false).people[0]?.values).toEqual({ zip: "10115" });
});

test("names every faulty line and keeps the others", () => {
  const { people, faults } = readPeople(`customerId,x\na,1\na,2\n,3\nb\n${"c".repeat(129)},4\nd,5\n`);
  expect(people.map(({ id }) => id)).toEqual(["a", "d"]);
  expect(faults).toEqual([
    { line: 3, code: "twice", about: "2" },
    { line: 4, code: "no-id" },
    { line: 5, code: "cells", about: "1" },
    { line: 6, code: "bad-id" },
  ]);
});

test("refuses columns without a name for the id, twice, empty or within each other", () => {
  expect(readPeople("name,plan\nx,y").faults).toEqual([{ line: 1, code: "header" }]);
  expect(readPeople("id,a,a\n1,2,3").faults).toEqual([{ line: 1, code: "column", about: "a" }]);
  expect(readPeople("id,a.b,a\n1,2,3").faults).toEqual([{ line: 1, code: "column", about: "a" }]);
  expect(readPeople("id,\n1,2").faults).toEqual([{ line: 1, code: "column", about: "" }]);
});

test("names a line whose values are too large", () => {
  expect(readPeople(`id,a\n1,${"x".repeat(50)}`, true, 40).faults).toEqual([{ line: 2, code: "large" }]);
});

test("writes what it reads", () => {
  const rows = [
    ["customerId", "outcome"],
    ['a"b', "x, y"],
    [" c", "two\nlines"],
  ];
  expect(cells(writeCsv(rows))).toEqual(rows);
});

test("a spreadsheet runs no id as a formula, and numbers stay as they are", () => {
  const rows = [["=HYPERLINK(1)"], ["@x"], ["+1+cmd|'/c'!A1"], ["-1"], ["+49 170 12"], ["a=b"]];
  expect(writeCsv(rows)).toBe("'=HYPERLINK(1)\r\n'@x\r\n'+1+cmd|'/c'!A1\r\n-1\r\n+49 170 12\r\na=b\r\n");
});

test("a column may have the name of a prototype", () => {
  const { people } = readPeople("id,__proto__.a,constructor.b\nann,1,2");
  expect(JSON.stringify(people[0]?.values)).toBe('{"__proto__":{"a":1},"constructor":{"b":2}}');
});
