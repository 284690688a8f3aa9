// What a step does, in one sentence.
import words from "#words/forms";
import type { Schemas } from "../api";
import { channelOf } from "../channels";
import { labelOf } from "../condition/names";
import { explain, fill, type Part, periodText } from "../condition/sentence";
import { formatTime } from "../format";
import type { Graph, GraphNode } from "../graph/types";
import { isExact, isObject, type Json, type JsonObject, scalarText } from "../json";
import { eventsOf } from "./awaited";
import { isReport } from "./feedback-rule";
import { objectOf, objectsOf } from "./form";
import { sharesOf } from "./splits";
import { nameOfDay } from "./until";

type Settings = Schemas["Settings"] | undefined;

/** Returns what a step does. */
export function sayStep(node: GraphNode, graph: Graph, settings: Settings, entryEvent: string): Part[] {
  const config = node.config ?? {};
  switch (node.type) {
    case "entry_trigger":
      return sayEntry(config, entryEvent);
    case "wait":
      return sayWait(config, graph);
    case "condition_split":
      return sayCondition(config["condition"]);
    case "multi_split":
      return sayBranches(objectsOf(config["branches"]));
    case "random_split":
      return sayShares(objectsOf(config["branches"]));
    case "nba_decision":
      return sayDecision(config);
    case "channel_action":
      return sayMessage(config, settings);
    case "update_customer":
      return sayUpdate(config);
    case "exit":
      return config["reason"] ? fill(words.sayExitAs, { reason: bold(config["reason"]) }) : [words.sayExit];
    default:
      return [words.sayUnknown];
  }
}

const bold = (value: Json | undefined): Part[] => [{ b: scalarText(value) }];

function joinWith(parts: readonly Part[][], between: string): Part[] {
  return parts.flatMap((part, i) => (i === 0 ? part : [between, ...part]));
}

/** A sentence begins with a capital letter. */
function capital(parts: Part[]): Part[] {
  const [first, ...rest] = parts;
  return typeof first === "string" ? [first.charAt(0).toUpperCase() + first.slice(1), ...rest] : parts;
}

/** Says which events start the journey, and where. */
export function sayEntry(config: JsonObject, entryEvent: string): Part[] {
  const types = [...new Set([entryEvent, scalarText(config["eventType"] ?? undefined)])].filter((type) => type !== "");
  if (types.length === 0) return [words.sayEnterNone];
  const condition = config["condition"];
  const where = isObject(condition) ? fill(words.sayWhere, { condition: explain(condition) }) : [];
  return fill(words.sayEnter, { event: joinWith(types.map(bold), words.or), where });
}

function sayWait(config: JsonObject, graph: Graph): Part[] {
  const events = eventsOf(config["waitForEvent"]);
  const ended = events.length > 0;
  const until = config["until"];
  const end = isObject(until)
    ? fill(ended ? words.sayUntilMost : words.sayUntil, { time: untilParts(until) })
    : delayParts(config, ended);
  const leaves = isObject(until) && until["otherwise"] === "exit" ? [` ${words.sayLeaves}`] : [];
  if (!ended) return [...end, ...leaves];
  const since = sinceParts(config["eventSince"], graph);
  const said = events.map((event) =>
    isReport(event) ? sayReport(event, graph) : sayEvent(event, words.sayEvent, since),
  );
  const ends = fill(words.sayEnds, { events: joinWith(said, words.or) });
  return [...end, ...leaves, " ", ...capital(ends)];
}

function delayParts(config: JsonObject, ended: boolean): Part[] {
  const delay = config["delay"];
  const hours = config["delayHours"];
  const period = isObject(delay)
    ? delay
    : typeof hours === "number" || isExact(hours)
      ? { value: hours, unit: "hours" }
      : null;
  if (period === null) return [words.sayWaitNone];
  return fill(ended ? words.sayWaitMost : words.sayWait, { time: [{ b: periodText(period) }] });
}

function untilParts(until: JsonObject): Part[] {
  const zone = scalarText(until["timezone"] ?? undefined);
  const inZone = zone === "" || zone === "customer" ? [] : fill(words.sayZone, { zone: bold(zone) });
  if ("at" in until) {
    const at = Date.parse(scalarText(until["at"]));
    return [{ b: Number.isNaN(at) ? scalarText(until["at"]) : formatTime(at) }];
  }
  const time = scalarText(until["time"] ?? undefined);
  if (!("field" in until)) {
    const days = Array.isArray(until["days"]) ? until["days"].map((day) => nameOfDay(scalarText(day))) : [];
    const on = days.length === 0 ? [] : fill(words.sayDays, { days: bold(days.join(", ")) });
    return [...fill(words.sayNext, { time: bold(time) }), ...on, ...inZone];
  }
  const offset = isObject(until["offset"]) ? until["offset"] : undefined;
  const by = scalarText(offset?.["value"]);
  const length: Part[] = [{ b: periodText(offset && { ...offset, value: by.replace("-", "") }) }];
  const moved =
    !offset || Number(by) === 0 ? [] : fill(by.startsWith("-") ? words.sayBefore : words.sayAfter, { time: length });
  const yearly = until["yearly"] === true ? [words.sayYearly] : [];
  const at = time === "" ? [] : fill(words.sayAt, { time: bold(time) });
  return [...fill(words.sayDate, { moved: [...moved, ...yearly], field: bold(until["field"]) }), ...at, ...inZone];
}

/** "a purchase with the same cartId since they entered where …", or without the article. */
export function sayEvent(rule: JsonObject, article: string = words.sayEvent, since: readonly Part[] = []): Part[] {
  const { match, condition } = rule;
  const same = isObject(match) ? fill(words.sayMatch, { property: bold(match["event"]) }) : [];
  const where = isObject(condition) ? fill(words.sayWhere, { condition: explain(condition) }) : [];
  return [...fill(article, { event: bold(rule["eventType"]) }), ...same, ...since, ...where];
}

/** "a click in Greet". */
function sayReport({ step, is }: JsonObject, graph: Graph): Part[] {
  const known: Readonly<Record<string, string>> = words.sayReports;
  const message = graph.nodes.find(({ id }) => id === step);
  return fill(known[scalarText(is)] ?? "{step}", { step: message ? [{ b: labelOf(message) }] : bold(step) });
}

function sinceParts(since: Json | undefined, graph: Graph): Part[] {
  if (since === "wait") return [];
  if (!isObject(since)) return [words.sayEntry];
  const step = graph.nodes.find(({ id }) => id === since["step"]);
  return fill(words.sayStep, { step: step ? [{ b: labelOf(step) }] : bold(since["step"]) });
}

function sayCondition(condition: Json | undefined): Part[] {
  return isObject(condition) ? fill(words.sayYes, { condition: explain(condition) }) : [words.sayYesNone];
}

function sayBranches(branches: readonly JsonObject[]): Part[] {
  if (branches.length === 0) return [words.sayNoWays];
  const said = branches.map((branch) =>
    fill(words.sayWayWhen, { way: bold(branch["id"]), condition: explain(branch["condition"]) }),
  );
  return fill(words.sayFirst, { ways: joinWith(said, "; ") });
}

function sayShares(branches: readonly JsonObject[]): Part[] {
  if (branches.length === 0) return [words.sayNoWays];
  const shares = sharesOf(branches);
  const said = branches.map((branch, i) => fill(words.sayShare, { share: bold(shares[i]), way: bold(branch["id"]) }));
  return fill(words.sayShares, { shares: joinWith(said, ", ") });
}

function sayDecision(config: JsonObject): Part[] {
  const flow = scalarText(config["decisionFlowId"] ?? undefined);
  if (flow === "") return [words.sayNoFlow];
  const offers = scalarText(config["maxOffers"] ?? undefined) || "1";
  const message = offers === "1" ? words.sayDecision.one : words.sayDecision.other;
  const then = config["onError"] === "fail" ? words.sayNoAnswerFail : words.sayNoAnswer;
  return [...fill(message, { flow: bold(flow), n: bold(offers) }), ` ${then}`];
}

function sayMessage(config: JsonObject, settings: Settings): Part[] {
  const name = scalarText(config["channel"] ?? undefined);
  if (name === "") return [words.sayNoChannel];
  const address = channelOf(settings, name)?.address;
  const skips = address === undefined ? [] : [" ", ...fill(words.saySkips, { address: bold(address) })];
  const topic = scalarText(config["topic"] ?? undefined);
  const only = topic === "" ? [] : [" ", ...fill(words.sayTopic, { topic: bold(topicName(settings, topic)) })];
  return [...fill(words.saySends, { message: whatIsSent(config), channel: bold(name) }), ...only, ...skips];
}

function topicName(settings: Settings, topic: string): string {
  const topics = settings?.topics ?? {};
  return (Object.hasOwn(topics, topic) && topics[topic]?.name) || topic;
}

function whatIsSent(config: JsonObject): Part[] {
  const template = scalarText(config["templateId"] ?? undefined);
  if (template !== "") return fill(words.sayTemplate, { name: bold(template) });
  const payload = objectOf(config["payload"]) ?? {};
  const subject = payload["subject"] ?? payload["title"];
  return typeof subject === "string" ? fill(words.sayMessage, { subject: bold(subject) }) : [words.sayAMessage];
}

function sayUpdate(config: JsonObject): Part[] {
  const unset = config["unset"];
  const changes = [
    ...Object.entries(objectOf(config["set"]) ?? {}).map(([field, value]) =>
      fill(words.saySets, {
        field: bold(field),
        value: [{ b: typeof value === "string" ? value || "“”" : JSON.stringify(value) }],
      }),
    ),
    ...(Array.isArray(unset) ? unset.map((field) => fill(words.sayUnsets, { field: bold(field) })) : []),
    ...Object.entries(objectOf(config["add"]) ?? {}).map(([field, value]) =>
      fill(words.sayAdds, { field: bold(field), value: bold(value) }),
    ),
  ];
  return changes.length === 0 ? [words.sayNoUpdate] : [...capital(joinWith(changes, ", ")), "."];
}
