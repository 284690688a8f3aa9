import { describe, expect, it } from "vitest";
import { isExact } from "../src/json";
import { lineAt, offsetOf, readLines } from "../src/places/journeys/lines";
import { readImport } from "../src/places/journeys/read-import";

describe("lines of JSON", () => {
  const text = '{\n  "a/b": [1,\n    {"c~": "x\\n\\u00e9"}\n  ],\n  "d": null\n}';

  it("finds each value by its pointer", () => {
    const lines = readLines(text);
    expect(lines.broken).toBeUndefined();
    expect(lineAt(text, offsetOf(lines, "/a~1b/1/c~0"))).toBe(3);
    expect(lineAt(text, offsetOf(lines, "/d"))).toBe(5);
  });

  it("finds the nearest value around a pointer that names none", () => {
    expect(lineAt(text, offsetOf(readLines(text), "/a~1b/1/missing/deep"))).toBe(3);
    expect(offsetOf(readLines(text), "/x")).toBe(0);
  });

  it.each(['{\n"a": 1,\n}', '{\n"a": 01\n}', "[1,\n2", '{"a":\n"\n"}', "", "{}\nx", "{\"a\":\n'b'}"])(
    "says where %j breaks",
    (bad) => {
      const { broken } = readLines(bad);
      expect(() => JSON.parse(bad)).toThrow();
      expect(broken).toBeDefined();
      expect(lineAt(bad, broken ?? 0)).toBeGreaterThanOrEqual(bad === "" ? 1 : bad.startsWith("[") ? 2 : 2);
    },
  );
});

describe("an import", () => {
  it("keeps numbers that JavaScript would round", () => {
    const read = readImport('{"name":"n","definition":{"nodes":[],"edges":[],"big":9007199254740993,"one":1.0}}', "x");
    expect(JSON.stringify("body" in read && read.body)).toBe(
      '{"name":"n","definition":{"nodes":[],"edges":[],"big":9007199254740993,"one":1.0}}',
    );
    expect("body" in read && isExact((read.body["definition"] as Record<string, never>)["big"])).toBe(true);
  });

  it("leaves out what the API gives each journey, and nothing else", () => {
    expect(readImport('{"id":"jrn_1","status":"active","name":"n","foo":1}', "x")).toEqual({
      body: { name: "n", foo: 1 },
      left: ["id", "status"],
      prefix: "",
    });
  });

  it("takes a definition without a journey", () => {
    expect(readImport('{"nodes":[],"edges":[]}', "From a file")).toEqual({
      body: { name: "From a file", definition: { nodes: [], edges: [] } },
      left: [],
      prefix: "/definition",
    });
  });

  it("says at which line the text is no JSON", () => {
    expect(readImport('{\n"name": "n",\n"definition": {,}\n}', "x")).toMatchObject({ line: 3 });
    expect(readImport("[]", "x")).toMatchObject({ line: 1 });
  });
});
