import { expect, test } from "vitest";
import { topicProblem } from "../src/forms/consent";
import { faultOf, idOf, readTopics, writeTopics } from "../src/places/settings/topic-form";

const news = { name: "News", channels: ["email"], default: "in" as const };

test("a topic keeps its id, and a new one gets an id of its name that is not taken", () => {
  const [draft] = readTopics({ "n-1": news });
  const renamed = { key: 1, id: "n-1", topic: { ...news, name: "Offers" } };
  const added = { key: 2, id: "", topic: { ...news, name: "Offers & Über-sales" } };
  expect(draft).toMatchObject({ id: "n-1", topic: news });
  expect(Object.keys(writeTopics([renamed, added, { ...added, key: 3 }]))).toEqual([
    "n-1",
    "offers-uber-sales",
    "offers-uber-sales-2",
  ]);
  expect(idOf("新聞", new Set())).toBe("topic");
  expect(idOf("x".repeat(80), new Set())).toHaveLength(60);
});

test("a topic needs a name and a channel", () => {
  const draft = { key: 1, id: "", topic: news };
  expect(faultOf(draft, 80)).toBeUndefined();
  expect(faultOf({ ...draft, topic: { ...news, name: "x".repeat(81) } }, 80)).toContain("80 characters");
  expect(faultOf({ ...draft, topic: { ...news, name: " " } }, 80)).toBe("Give each topic a name.");
  expect(faultOf({ ...draft, topic: { ...news, channels: [] } }, 80)).toBe(
    "Choose at least one channel for each topic.",
  );
});

test("a message is sent to no customer if its topic is unknown or not for its channel", () => {
  expect(topicProblem({ news }, "news", "email")).toBeUndefined();
  expect(topicProblem({ news }, "news", "")).toBeUndefined();
  expect(topicProblem({ news }, "news", "sms")).toContain("is not for the channel sms");
  expect(topicProblem({ news }, "constructor", "email")).toContain("There is no topic “constructor”");
});
