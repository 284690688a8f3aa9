import { describe, expect, test } from "vitest";
import { factOf, kindOf, nameOf, wayName } from "../src/graph/describe";
import type { JsonObject } from "../src/json";

const node = (type: string, config: JsonObject = {}, rest: JsonObject = {}) => ({ id: "n", type, config, ...rest });

describe("a step in words", () => {
  test.each<[string, JsonObject, string]>([
    ["entry_trigger", { eventType: "cart_updated" }, "cart_updated"],
    ["wait", { delayHours: 2, waitForEvent: "purchase" }, "2 hours for purchase"],
    ["wait", { delayHours: 48 }, "2 days"],
    ["wait", { delayHours: 0.5 }, "30 minutes"],
    ["wait", { delay: { value: 1, unit: "days" } }, "1 day"],
    [
      "wait",
      {
        delay: { value: 3, unit: "hours" },
        waitForEvent: {
          any: [
            { id: "a", eventType: "open" },
            { id: "b", eventType: "click" },
          ],
        },
      },
      "3 hours for open or click",
    ],
    ["wait", { until: { time: "09:00" } }, "until 09:00"],
    ["wait", { until: { field: "birthday" } }, "until birthday"],
    ["wait", { until: { field: "trialEndsAt", offset: { value: -3, unit: "days" } } }, "3 days before trialEndsAt"],
    ["wait", {}, "no time yet"],
    ["condition_split", { condition: { field: "cart.total", operator: "gte", value: 80 } }, "cart.total ≥ 80"],
    ["condition_split", {}, "no condition yet"],
    ["multi_split", { branches: [{ id: "a" }, { id: "b" }] }, "3"],
    [
      "random_split",
      {
        branches: [
          { id: "a", weight: 5 },
          { id: "b", weight: 4 },
          { id: "c", weight: 1 },
        ],
      },
      "50 / 40 / 10",
    ],
    ["nba_decision", { decisionFlowId: "cart-offers" }, "cart-offers"],
    ["channel_action", { channel: "email", templateId: "cart-saved" }, "cart-saved"],
    ["channel_action", { channel: "email", payload: { subject: "Hi" } }, "Hi"],
    ["channel_action", {}, "no channel"],
    ["update_customer", { set: { a: 1, b: 2 }, add: { points: 1 } }, "sets 2, adds 1"],
    ["update_customer", { set: { "customer.lastOffer": 1 } }, "sets customer.lastOffer"],
    ["update_customer", {}, "changes nothing yet"],
    ["exit", {}, ""],
    ["exit", { reason: "bought" }, "bought"],
    ["x_partner_sync", {}, "kept as it is"],
  ])("%s %j: %s", (type, config, fact) => {
    expect(factOf(node(type, config))).toBe(fact);
  });

  test("a config may be null", () => {
    for (const type of ["wait", "condition_split", "random_split", "channel_action"]) {
      expect(() => factOf({ id: "n", type, config: null } as never)).not.toThrow();
    }
  });

  test("a message is named by its channel", () => {
    expect(kindOf(node("channel_action", { channel: "email" }))).toMatchObject({ icon: "email", word: "Email" });
    expect(kindOf(node("channel_action", { channel: "sms-eu" }))).toMatchObject({ icon: "sms", word: "sms-eu" });
    expect(kindOf(node("channel_action", { channel: "push" }))).toMatchObject({ icon: "bell", word: "Push" });
    expect(kindOf(node("channel_action"))).toMatchObject({ kind: "k-message", word: "Message" });
    expect(kindOf(node("x_partner"))).toMatchObject({ kind: "k-unknown", word: "Unknown" });
  });

  test("the name is the user's, or says the kind", () => {
    expect(nameOf(node("wait", {}, { label: "Time to buy" }))).toBe("Time to buy");
    expect(nameOf(node("wait", {}, { data: { label: "Old name" } }))).toBe("Old name");
    expect(nameOf(node("wait"))).toBe("Wait");
    expect(nameOf(node("x_partner"))).toBe("x_partner");
  });

  test("ways have a marketer's names", () => {
    const way = (name: string) => ({ handle: name, name });
    expect(wayName(node("condition_split"), way("true"))).toBe("yes");
    expect(wayName(node("condition_split"), way("false"))).toBe("no");
    expect(wayName(node("multi_split"), way("else"))).toBe("otherwise");
    expect(wayName(node("multi_split"), way("true-fans"))).toBe("true-fans");
    expect(wayName(node("wait", { waitForEvent: "purchase" }), way("event"))).toBe("purchase");
    expect(wayName(node("wait"), way("timeout"))).toBe("timeout");
    const split = node("random_split", {
      branches: [
        { id: "offer", weight: 1 },
        { id: "holdout", weight: 3 },
      ],
    });
    expect(wayName(split, way("holdout"))).toBe("75% holdout");
    expect(wayName(node("wait"), { handle: null, name: "" })).toBe("");
  });
});
