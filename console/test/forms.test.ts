import { expect, test } from "vitest";
import { explain, type Part, textOf } from "../src/condition/sentence";
import { withOperator } from "../src/condition/value";
import { eventsOf, withEvents } from "../src/forms/awaited";
import { checkEventType, checkWayName, faultAt, faultsIn, readNumber, wayNameOf } from "../src/forms/fields";
import { moved } from "../src/forms/form";
import { saySection } from "../src/forms/journey-says";
import { replaceKey, withKey } from "../src/forms/keys";
import { placeholderFault, placeholderOf } from "../src/forms/payload";
import { sayStep } from "../src/forms/says";
import { sharesOf } from "../src/forms/splits";
import { modeOf, withEnd } from "../src/forms/wait";
import type { Graph, GraphNode, Work } from "../src/graph/types";
import { type JsonObject, parse } from "../src/json";

const object = (text: string) => parse(text) as JsonObject;
const written = (value: unknown) => JSON.stringify(value);

test("an edit keeps other keys and the order of the keys", () => {
  const config = object('{"b":1,"x-mine":{"y":9007199254740993},"a":2}');
  expect(written(withKey(config, "b", 3))).toBe('{"b":3,"x-mine":{"y":9007199254740993},"a":2}');
  expect(written(withKey(config, "c", 4))).toBe('{"b":1,"x-mine":{"y":9007199254740993},"a":2,"c":4}');
  expect(written(withKey(config, "b", undefined))).toBe('{"x-mine":{"y":9007199254740993},"a":2}');
  expect(written(replaceKey(config, "b", "a", 5))).toBe('{"a":5,"x-mine":{"y":9007199254740993}}');
  expect(written(replaceKey(config, "none", "c", 5))).toBe('{"b":1,"x-mine":{"y":9007199254740993},"a":2,"c":5}');
});

test("a wait has one end, in the place of the one before", () => {
  const config = object('{"delayHours":2.50,"waitForEvent":"purchase"}');
  expect(modeOf(config)).toBe("while");
  const until = withEnd(config, "until", { time: "09:00" });
  expect(written(until)).toBe('{"until":{"time":"09:00"},"waitForEvent":"purchase"}');
  expect(modeOf(until)).toBe("time");
  expect(modeOf({ until: { at: "2027-01-15T16:00:00Z" } })).toBe("date");
  expect(modeOf({ until: { field: "birthDate", time: "09:00" } })).toBe("date");
  expect(written(withEnd(config, "delayHours", 3))).toBe('{"delayHours":3,"waitForEvent":"purchase"}');
  const both = object('{"delay":{"value":1,"unit":"days"},"until":{"time":"09:00"}}');
  expect(written(withEnd(both, "until", { time: "10:00" }))).toBe('{"until":{"time":"10:00"}}');
  expect(written(withEnd({}, "delay", { value: 1, unit: "days" }))).toBe('{"delay":{"value":1,"unit":"days"}}');
});

test("a single awaited event stays a text as long as it is only a type", () => {
  const [only] = eventsOf("purchase");
  expect(withEvents("purchase", [{ ...only, eventType: "cart_emptied" }])).toBe("cart_emptied");
  expect(withEvents("purchase", [{ ...only, match: { event: "cartId", entry: "cartId" } }])).toEqual({
    any: [{ id: "purchase", eventType: "purchase", match: { event: "cartId", entry: "cartId" } }],
  });
  expect(withEvents("purchase", [only ?? {}, { id: "x", eventType: "y" }])).toEqual({
    any: [
      { id: "purchase", eventType: "purchase" },
      { id: "x", eventType: "y" },
    ],
  });
  expect(withEvents("purchase", [])).toBeUndefined();
  const kept = object('{"any":[{"id":"a","eventType":"b","note":1}],"note":2}');
  expect(written(withEvents(kept, eventsOf(kept)))).toBe(written(kept));
});

test("names of ways are legal and not taken", () => {
  expect(checkWayName("bought", ["other"])).toBeUndefined();
  expect(checkWayName("bought", ["bought"])).toBeDefined();
  expect(checkWayName("timeout", [])).toBeDefined();
  expect(checkWayName("zwei Wörter", [])).toBeDefined();
  expect(wayNameOf("cart emptied!", [])).toBe("cart-emptied");
  expect(wayNameOf("purchase", ["purchase"])).toBe("purchase-2");
  expect(wayNameOf("event", [])).toBe("event-2");
  expect(wayNameOf("購入", [])).toBe("way");
  expect(checkEventType("$unsubscribed")).toBeUndefined();
  expect(checkEventType("$internal")).toBeDefined();
});

test("numbers stay within their bounds and as they were typed", () => {
  const whole = { min: 1, max: 100, whole: true, required: false };
  expect(readNumber("", whole)).toEqual({ value: undefined });
  expect(readNumber("7", whole)).toEqual({ value: 7 });
  expect(readNumber("7.5", whole)).toHaveProperty("fault");
  expect(readNumber("101", whole)).toHaveProperty("fault");
  const above0 = { min: 0, max: 8760, whole: false, required: true };
  expect(readNumber("", above0)).toHaveProperty("fault");
  expect(readNumber("0", above0)).toHaveProperty("fault");
  expect(written(readNumber("1.50", above0))).toBe('{"value":1.50}');
});

test("shares say what the weights mean", () => {
  expect(sharesOf([{ weight: 50 }, { weight: 40 }, { weight: 10 }]).map((share) => share.replace(/\s/, ""))).toEqual([
    "50%",
    "40%",
    "10%",
  ]);
  expect(sharesOf([{ weight: 0 }, { weight: 0 }])).toEqual(["–", "–"]);
  expect(moved(["a", "b", "c"], 0, 1)).toEqual(["b", "a", "c"]);
});

test("placeholders are checked as far as the console can", () => {
  expect(placeholderFault("Hi {{attributes.firstName | default: 'there'}}, {{event.total}}")).toBeUndefined();
  expect(placeholderFault("Hi {{attributes.first")).toBeDefined();
  expect(placeholderFault("Hi {{firstName}}")).toBeDefined();
  expect(placeholderOf("attributes.firstName", "it's you")).toBe("{{attributes.firstName | default: 'it\\'s you'}}");
});

test("faults are found by their place in the form", () => {
  const faults = [{ pointer: "/branches/1/condition/all/0/value", detail: "must not be null" }];
  expect(faultAt(faults, "/branches/1/condition")).toBe("must not be null");
  expect(faultAt(faults, "/branches/11")).toBeUndefined();
  expect(faultsIn(faults, "/branches/1/condition")).toEqual([{ pointer: "/all/0/value", detail: "must not be null" }]);
});

test("another operator takes the value with it, if it can", () => {
  const eq = { field: "plan", operator: "eq", value: "free" };
  expect(withOperator(eq, "in")).toEqual({ field: "plan", operator: "in", value: ["free"] });
  expect(withOperator({ ...eq, operator: "in", value: ["a", "b"] }, "eq")).toEqual({ ...eq, value: "a" });
  expect(withOperator(eq, "exists")).toEqual({ field: "plan", operator: "exists" });
  expect(withOperator(eq, "missing")).toEqual({ field: "plan", operator: "exists", value: false });
  expect(withOperator(eq, "older_than")).toEqual({
    field: "plan",
    operator: "older_than",
    value: { value: 7, unit: "days" },
  });
  expect(withOperator({ field: "x", operator: "eq", value: true }, "gt")).toEqual({ field: "x", operator: "gt" });
});

const step = (type: string, config: string): GraphNode => ({ id: "n", type, config: object(config) });
const says = (node: GraphNode) => plain(sayStep(node, { nodes: [node], edges: [] } as Graph, undefined, ""));
const plain = (parts: readonly Part[]) => textOf(parts).replaceAll(/[\u00a0\u202f]/g, " ");

test.each([
  ["wait", '{"delay":{"value":2,"unit":"hours"}}', "Waits 2 hours."],
  [
    "wait",
    '{"delayHours":2.50,"waitForEvent":{"any":[{"id":"a","eventType":"purchase","match":{"event":"cartId","entry":"cartId"}}]}}',
    "Waits up to 2.50 hours. A purchase with the same cartId since they entered ends it at once.",
  ],
  [
    "wait",
    '{"until":{"time":"09:00"},"waitForEvent":"visit","eventSince":"wait"}',
    "Waits until the next 09:00 at the latest. A visit ends it at once.",
  ],
  [
    "wait",
    '{"until":{"field":"birthDate","yearly":true,"offset":{"value":-3,"unit":"days"},"time":"09:00","timezone":"Asia/Tokyo","otherwise":"exit"}}',
    "Waits until 3 days before the next anniversary of birthDate, at 09:00 in Asia/Tokyo. Without such a date, the person leaves.",
  ],
  ["wait", "{}", "Say how long people wait here."],
  ["condition_split", '{"condition":{"field":"a","operator":"eq","value":1}}', "Yes when a is 1."],
  ["exit", '{"reason":"bought"}', "Ends the journey here, as bought."],
  [
    "update_customer",
    '{"set":{"id":9007199254740993},"add":{"points":10}}',
    "Sets id to 9007199254740993, adds 10 to points.",
  ],
  [
    "channel_action",
    '{"channel":"email","topic":"news"}',
    "Sends a message through email. Only subscribers of news get it.",
  ],
  [
    "wait",
    '{"delayHours":2,"waitForEvent":{"any":[{"id":"clicked","step":"mail","is":"clicked"},{"id":"bought","eventType":"purchase"}]}}',
    "Waits up to 2 hours. A click in mail or a purchase since they entered ends it at once.",
  ],
  ["channel_action", '{"channel":"email","payload":{"subject":"Hello"}}', "Sends “Hello” through email."],
  [
    "nba_decision",
    '{"decisionFlowId":"offers"}',
    "Asks offers for the best offer. Without an answer, the person goes on.",
  ],
  ["entry_trigger", '{"eventType":"cart_updated"}', "Each cart_updated starts it."],
  ["x_partner_sync", "{}", "Kept as it is."],
])("%s %s says what it does", (type, config, expected) => {
  expect(says(step(type, config))).toBe(expected);
});

test("the settings of a journey say what they do", () => {
  const work: Work = {
    definition: { nodes: [], edges: [] },
    timezone: "Europe/Berlin",
    exitOn: [{ eventType: "purchase" }],
    exitWhen: { condition: { field: "blocked", operator: "eq", value: true } },
    goal: { eventType: "purchase", windowDays: 30 },
  };
  expect(plain(saySection("exits", {}, work))).toBe(
    "A purchase takes people out at once, wherever they are. They also leave when blocked is yes.",
  );
  expect(plain(saySection("goal", {}, work))).toBe("The first purchase within 30 days of the entry counts as reached.");
  expect(plain(saySection("reentry", { reentry: { mode: "afterExit", minIntervalHours: 24, max: 3 } }, work))).toBe(
    "Who left may enter again, 24 hours after they entered, 3 times in all.",
  );
  expect(plain(explain({ all: [] }))).toBe("it is anyone");
});
