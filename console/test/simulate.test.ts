import { describe, expect, test } from "vitest";
import type { Graph, Work } from "../src/graph/types";
import { parse } from "../src/json";
import { coverageOf, linesOf, type Result } from "../src/places/graph/simulate/coverage";
import { pieces } from "../src/places/graph/simulate/fill";
import { flatten, formatPath, parsePath } from "../src/places/graph/simulate/paths";
import { readPersonas, requestOf, writePersonas } from "../src/places/graph/simulate/personas";
import { matchingEvent, type Setting, suggestTest, testFor } from "../src/places/graph/simulate/suggest";
import { aDayFrom, placeOf, timeAt, timelineOf } from "../src/places/graph/simulate/timeline";
import { objectOf, readValue, rowsOf, writeValue } from "../src/places/graph/simulate/values";

const graph = {
  nodes: [
    { id: "start", type: "entry_trigger", config: { condition: { field: "event.total", operator: "gt", value: 0 } } },
    {
      id: "pause",
      type: "wait",
      config: {
        delay: { value: 2, unit: "hours" },
        waitForEvent: {
          any: [{ id: "bought", eventType: "purchase", match: { event: "cart", entry: "cartId" } }],
        },
      },
    },
    {
      id: "large",
      type: "condition_split",
      config: {
        condition: {
          all: [
            { field: "event.total", operator: "gte", value: 100 },
            { not: { field: "tags", operator: "contains", value: "staff" } },
          ],
        },
      },
    },
    {
      id: "arms",
      type: "random_split",
      config: {
        branches: [
          { id: "a", weight: 1 },
          { id: "b", weight: 1 },
        ],
      },
    },
    {
      id: "mail",
      type: "channel_action",
      config: { channel: "email", payload: { text: "Hi {{attributes.firstName}}" } },
    },
    { id: "end", type: "exit" },
  ],
  edges: [
    { source: "start", target: "pause" },
    { source: "pause", target: "end", sourceHandle: "bought" },
    { source: "pause", target: "large", sourceHandle: "timeout" },
    { source: "large", target: "arms", sourceHandle: "true" },
    { source: "large", target: "end", sourceHandle: "false" },
    { source: "arms", target: "mail", sourceHandle: "a" },
    { source: "arms", target: "end", sourceHandle: "b" },
    { source: "mail", target: "end" },
  ],
} as unknown as Graph;

const work: Work = { definition: graph, timezone: "UTC", exitOn: [], exitWhen: null, goal: null };
const setting: Setting = {
  work,
  entryCondition: { event: "cart_updated" },
  addressOf: (channel) => (channel === "email" ? "email" : undefined),
};

function lineTo(key: string) {
  const line = linesOf(graph).find((l) => l.key === key);
  if (line === undefined) throw new Error(`no line ${key}`);
  return line;
}

function resultOf(...steps: [nodeId: string, at: string, result: string, next?: string][]): Result {
  const trace = steps.map(([nodeId, at, result, next], i) => ({
    step: i + 1,
    nodeId,
    nodeType: graph.nodes.find(({ id }) => id === nodeId)?.type,
    at,
    result,
    ...(next === undefined ? {} : { next }),
  }));
  return {
    outcome: "exited",
    exitReason: null,
    durationHours: 2,
    trace,
    faults: [],
    warnings: [],
  } as unknown as Result;
}

const walk = resultOf(
  ["start", "2026-11-23T10:00:00Z", "entered", "pause"],
  ["pause", "2026-11-23T10:00:00Z", "timeout", "large"],
  ["large", "2026-11-23T12:00:00Z", "false", "end"],
  ["end", "2026-11-23T12:00:00Z", "exited"],
);

describe("coverage", () => {
  test("counts the taken lines, and names the untaken ones that leave a reached step", () => {
    const { lines, taken, next } = coverageOf(graph, [walk]);
    expect(lines).toHaveLength(8);
    expect([...taken]).toEqual(["start ", "pause timeout", "large false"]);
    expect(next.map(({ key }) => key)).toEqual(["pause bought", "large true"]);
  });

  test("tells two ways to the same step apart by the result", () => {
    const { taken } = coverageOf(graph, [resultOf(["arms", "2026-11-23T12:00:00Z", "b", "end"])]);
    expect([...taken]).toEqual(["arms b"]);
  });
});

describe("timeline", () => {
  const timeline = timelineOf(walk);
  const start = Date.parse("2026-11-23T10:00:00Z");

  test("gives every step the same room, whatever time lies between", () => {
    const places = timeline.stops.map(({ x }) => x);
    expect(places[1]).toBeCloseTo(((places[0] ?? 0) * 2 + (places[3] ?? 0)) / 3);
    expect(places).toHaveLength(4);
  });

  test("puts a time within a wait, before the entry and after the end, and back", () => {
    for (const hours of [0.5, 1, 1.999, 3, 40, -5]) {
      const at = start + hours * 3_600_000;
      expect(Math.abs(timeAt(timeline, placeOf(timeline, at)) - at)).toBeLessThan(1000);
    }
  });

  test("has an end of its own where a run ended in the middle of a step", () => {
    const cut = timelineOf(
      resultOf(["start", "2026-11-23T10:00:00Z", "entered", "pause"], ["pause", "2026-11-23T10:00:00Z", "exited"]),
    );
    expect(cut.stops).toHaveLength(3);
    expect(cut.stops[2]?.step).toBeUndefined();
    expect(cut.end - start).toBe(2 * 3_600_000);
  });

  test("a day on goes to the first step a day later, or to the last", () => {
    const days = timelineOf(
      resultOf(
        ["start", "2026-11-23T10:00:00Z", "entered"],
        ["pause", "2026-11-24T09:00:00Z", "waited"],
        ["large", "2026-11-25T10:00:00Z", "true"],
        ["end", "2026-11-25T10:00:00Z", "exited"],
      ),
    );
    expect(aDayFrom(days, 0, 1)).toBe(2);
    expect(aDayFrom(days, 2, 1)).toBe(3);
    expect(aDayFrom(days, 3, -1)).toBe(1);
    expect(aDayFrom(days, 1, -1)).toBe(0);
  });
});

describe("suggestions", () => {
  test("hold what the journey reads, with the values that its conditions ask for", () => {
    expect(suggestTest(setting)).toEqual({
      entryEvent: { type: "cart_updated", properties: { total: 100, cartId: "cart-1" } },
      customerAttributes: { tags: [], email: "kim@example.com", firstName: "Kim" },
    });
  });

  test("send one by the event that ends a wait, in its middle and of the same cart", () => {
    const test = testFor(setting, lineTo("pause bought"), suggestTest(setting));
    expect(test.events).toEqual([{ type: "purchase", afterHours: 1, properties: { cart: "cart-1" } }]);
    expect(test.entryEvent?.properties?.["cartId"]).toBe("cart-1");
  });

  test("send one by a report of a message, after it was sent", () => {
    const any = [{ id: "clicked", step: "mail", is: "clicked" }];
    const late = { id: "late", type: "wait", config: { delayHours: 6, waitForEvent: { any } } };
    const ask = {
      id: "ask",
      type: "condition_split",
      config: { condition: { field: "step.mail.opened", operator: "eq", value: true } },
    };
    const definition = {
      nodes: [...graph.nodes, late, ask],
      edges: [
        ...graph.edges.filter(({ source }) => source !== "mail"),
        { source: "mail", target: "late" },
        { source: "late", target: "ask", sourceHandle: "clicked" },
        { source: "ask", target: "end", sourceHandle: "true" },
      ],
    } as Graph;
    const longer = { ...setting, work: { ...work, definition } };
    const line = linesOf(definition).find(({ key }) => key === "ask true");
    const { events, feedback } = testFor(longer, line as NonNullable<typeof line>, suggestTest(longer));
    expect(events).toBeUndefined();
    expect(feedback).toEqual([
      { step: "mail", is: "clicked", afterHours: 3 },
      { step: "mail", is: "opened", afterHours: 0 },
    ]);
  });

  test("an event that is added is one of the same cart", () => {
    const persona = suggestTest(setting);
    expect(matchingEvent(setting.work, persona, "purchase", 2)).toEqual({
      type: "purchase",
      afterHours: 2,
      properties: { cart: "cart-1" },
    });
    expect(matchingEvent(setting.work, persona, "login", 2)).toEqual({ type: "login", afterHours: 2 });
  });

  test("send one through conditions and random splits", () => {
    const test = testFor(setting, lineTo("arms b"), { entryEvent: { type: "cart_updated", properties: { total: 5 } } });
    expect(test.branches).toEqual({ arms: "b" });
    expect(test.entryEvent?.properties).toMatchObject({ total: 100 });
    expect(test.customerAttributes, "nothing that holds already is changed").toBeUndefined();
    const other = testFor(setting, lineTo("large false"), suggestTest(setting));
    expect(other.entryEvent?.properties?.["total"]).toBe(99);
  });
});

describe("personas", () => {
  test("are kept in the entry's appearance, and leave everything else as it is", () => {
    const personas = [
      { id: "p", name: "Big cart", test: { customerAttributes: parse('{"n":9007199254740993}') as object } },
    ];
    const written = writePersonas(work, personas as never);
    expect(readPersonas(written.definition)).toEqual(personas);
    expect(writePersonas(written, [])).toEqual(work);
    expect(written.definition.nodes.slice(1)).toEqual(graph.nodes.slice(1));
  });

  test("are not sent with the graph", () => {
    const written = writePersonas(work, [{ id: "p", name: "Big cart", test: {} }]);
    expect(JSON.stringify(requestOf(written, {}, "2026-11-23T10:00:00Z"))).not.toContain("Big cart");
  });
});

test("paths are written as conditions spell them", () => {
  for (const names of [["a"], ["cart", "utm.source"], ["x y", 'q"uote', "b"]]) {
    expect(parsePath(formatPath(names))).toEqual(names);
  }
  expect(formatPath(["cart", "utm.source", "id"])).toBe('cart["utm.source"].id');
  expect([parsePath(""), parsePath("a..b"), parsePath(".a"), parsePath('a["b')]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(flatten({ a: { "b.c": 1, d: [] }, e: {} }).map(({ path }) => path)).toEqual(['a["b.c"]', "a.d", "e"]);
});

test("values are read as they are typed, and written so that they are read the same", () => {
  const values = [
    "x",
    "12",
    12,
    true,
    "true",
    null,
    ["a", 1],
    { a: 1 },
    "",
    "  x ",
    '"q"',
    parse("9007199254740993"),
  ] as const;
  for (const value of values) expect(readValue(writeValue(value as never))).toEqual(value);
  const object = { a: { b: 1, c: "2" }, d: ["x"] };
  expect(objectOf(rowsOf(object))).toEqual(object);
});

test("what placeholders became is found again, if it can be", () => {
  expect(pieces("Hi {{attributes.firstName}}, {{event.n}} items", "Hi Kim, 3 items")).toEqual([
    { text: "Hi ", filled: false },
    { text: "Kim", filled: true },
    { text: ", ", filled: false },
    { text: "3", filled: true },
    { text: " items", filled: false },
  ]);
  expect(pieces("Hi {{attributes.firstName}}", "Hello Kim")).toEqual([{ text: "Hello Kim", filled: false }]);
  expect(pieces(undefined, "x")).toEqual([{ text: "x", filled: false }]);
});
