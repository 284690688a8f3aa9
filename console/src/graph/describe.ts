// What a step is, in words: its kind, its name and the one fact that matters.
import words from "#words/graph";
import { sentence } from "../condition/sentence";
import { formatDay, formatMinute, locale } from "../format";
import { isObject, type Json, type JsonObject, scalarText } from "../json";
import { say } from "../say";
import type { IconName } from "../ui/icon";
import type { GraphNode } from "./types";
import type { Way } from "./ways";

/** The kind of a step. */
export interface Kind {
  /** The class of its colors: "k-wait". */
  kind: string;
  icon: IconName;
  /** "Wait"; the channel of a message. */
  word: string;
}

const kinds: Record<string, Kind> = {
  entry_trigger: { kind: "k-entry", icon: "entry", word: words.entry },
  wait: { kind: "k-wait", icon: "wait", word: words.wait },
  condition_split: { kind: "k-condition", icon: "condition", word: words.condition },
  multi_split: { kind: "k-multi", icon: "multi", word: words.multi },
  random_split: { kind: "k-random", icon: "random", word: words.random },
  nba_decision: { kind: "k-decision", icon: "decision", word: words.decision },
  channel_action: { kind: "k-message", icon: "email", word: words.message },
  update_customer: { kind: "k-update", icon: "update", word: words.update },
  exit: { kind: "k-exit", icon: "exit", word: words.exit },
};
const unknown: Kind = { kind: "k-unknown", icon: "unknown", word: words.unknown };
const channels: Record<string, string> = {
  email: words.email,
  sms: words.sms,
  push: words.push,
  webhook: words.webhook,
};

/** The kind of a step. A message is named by its channel. */
export function kindOf(node: GraphNode): Kind {
  const kind = kinds[node.type] ?? unknown;
  if (node.type !== "channel_action") return kind;
  const channel = text(configOf(node)["channel"]);
  if (channel === "") return kind;
  return { ...kind, icon: channelIcon(channel), word: channels[channel] ?? channel };
}

function channelIcon(channel: string): IconName {
  if (/mail/i.test(channel)) return "email";
  if (/sms|whatsapp|chat|text/i.test(channel)) return "sms";
  return "bell";
}

/** The name of a step: the user's, or the word for its kind. */
export function nameOf(node: GraphNode): string {
  const data = node["data"];
  const label = text(node.label) || text(isObject(data) ? data["label"] : undefined);
  if (label !== "") return label;
  return (kinds[node.type] ?? { word: node.type }).word;
}

/** The fact about a step that matters most: "2 hours for purchase". "" for none. */
export function factOf(node: GraphNode): string {
  const config = configOf(node);
  switch (node.type) {
    case "entry_trigger":
      return text(config["eventType"]);
    case "wait":
      return waitFact(config);
    case "condition_split": {
      const condition = config["condition"];
      return isObject(condition) ? sentence(condition, 60) : words.noCondition;
    }
    case "multi_split": {
      const branches = config["branches"];
      return String((Array.isArray(branches) ? branches.length : 0) + 1);
    }
    case "random_split":
      return shares(config)
        .map((share) => shareNumber.format(share.share * 100))
        .join(" / ");
    case "nba_decision":
      return text(config["decisionFlowId"]);
    case "channel_action":
      return messageFact(config);
    case "update_customer":
      return updateFact(config);
    case "exit":
      return text(config["reason"]);
    default:
      return words.kept;
  }
}

/** What a way out of a step is called: "yes", "timeout", "10% holdout". "" where one way only leads out. */
export function wayName(node: GraphNode, way: Way): string {
  const { share, name } = wayParts(node, way);
  return share === "" ? name : `${share} ${name}`;
}

/** The name of a way, and apart from it the share of those who go there by chance. */
export function wayParts(node: GraphNode, way: Way): { share: string; name: string } {
  if (way.name === "") return { share: "", name: "" };
  if (node.type === "random_split") {
    const share = shares(configOf(node)).find(({ id }) => id === way.name)?.share;
    return { share: share === undefined ? "" : percent.format(share), name: way.name };
  }
  if (node.type === "wait" && way.name === "event") {
    return { share: "", name: awaitedAt(configOf(node)["waitForEvent"], way.name) || words.event };
  }
  const own = { true: words.true, false: words.false, else: words.else, timeout: words.timeout } as const;
  const named = node.type === "condition_split" || way.name === "else" || way.name === "timeout";
  return { share: "", name: named && way.name in own ? own[way.name as keyof typeof own] : way.name };
}

const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const shareNumber = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

function shares(config: JsonObject): { id: string; share: number }[] {
  const branches = config["branches"];
  const list = Array.isArray(branches) ? branches.filter(isObject) : [];
  const weights = list.map((branch) => Number(scalarText(branch["weight"] ?? 0)) || 0);
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum === 0) return []; // drawn from figures, which have no weights
  return list.map((branch, i) => ({ id: text(branch["id"]), share: (weights[i] ?? 0) / sum }));
}

function configOf(node: GraphNode): JsonObject {
  return isObject(node.config) ? node.config : {};
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function waitFact(config: JsonObject): string {
  const time = waitTime(config);
  const events = awaitedTypes(config["waitForEvent"]);
  if (events.length === 0) return time;
  return say(words.for, { time, events: events.join(` ${words.or} `) });
}

function awaitedTypes(awaited: Json | undefined): string[] {
  if (typeof awaited === "string") return [awaited];
  const any = isObject(awaited) ? awaited["any"] : undefined;
  return Array.isArray(any) ? any.filter(isObject).map(awaitedText) : [];
}

/** The type of an event, or what is reported of a message. */
function awaitedText(event: JsonObject): string {
  const reports: Readonly<Record<string, string>> = words.reports;
  return text(event["eventType"]) || (reports[text(event["is"])] ?? "");
}

/** The type of the event that ends a wait by a way. */
function awaitedAt(awaited: Json | undefined, way: string): string {
  if (!isObject(awaited)) return text(awaited);
  const any = awaited["any"];
  const event = Array.isArray(any) ? any.filter(isObject).find(({ id }) => id === way) : awaited;
  return text(event?.["eventType"]);
}

function waitTime(config: JsonObject): string {
  const until = config["until"];
  if (isObject(until)) return untilFact(until);
  const delay = config["delay"];
  if (isObject(delay)) return duration(Number(scalarText(delay["value"])), text(delay["unit"]));
  const hours = config["delayHours"];
  if (hours === undefined || hours === null) return words.noTime;
  return hoursFact(Number(scalarText(hours)));
}

/** Hours as days or minutes, where those are whole. */
function hoursFact(hours: number): string {
  if (hours >= 24 && hours % 24 === 0) return duration(hours / 24, "days");
  if (hours < 1 && Number.isInteger(hours * 60)) return duration(hours * 60, "minutes");
  return duration(hours, "hours");
}

function duration(value: number, units: string): string {
  const unit = units.replace(/s$/, "");
  if (!Number.isFinite(value) || !["minute", "hour", "day"].includes(unit)) return words.noTime;
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit,
    unitDisplay: "long",
    maximumFractionDigits: 2,
  }).format(value);
}

function untilFact(until: JsonObject): string {
  const at = text(until["at"]);
  if (at !== "") {
    const known = !Number.isNaN(Date.parse(at));
    return say(words.untilAt, { time: known ? `${formatDay(at)}, ${formatMinute(at)}` : at });
  }
  const field = text(until["field"]);
  if (field === "") return say(words.untilAt, { time: text(until["time"]) });
  const offset = until["offset"];
  const value = isObject(offset) ? Number(scalarText(offset["value"])) : 0;
  if (!isObject(offset) || !value) return say(words.untilField, { field });
  return say(value < 0 ? words.before : words.after, { time: duration(Math.abs(value), text(offset["unit"])), field });
}

function messageFact(config: JsonObject): string {
  if (text(config["channel"]) === "") return words.noChannel;
  const payload = isObject(config["payload"]) ? config["payload"] : {};
  return text(config["templateId"]) || text(payload["subject"]) || text(payload["title"]);
}

function updateFact(config: JsonObject): string {
  const set = isObject(config["set"]) ? Object.keys(config["set"]) : [];
  const add = isObject(config["add"]) ? Object.keys(config["add"]) : [];
  const unset = Array.isArray(config["unset"]) ? config["unset"].map((field) => text(field)) : [];
  const only = set.length + add.length + unset.length === 1;
  const parts = [
    count(set, only ? words.setsOne : words.sets),
    count(add, only ? words.addsOne : words.adds),
    count(unset, only ? words.unsetsOne : words.unsets),
  ].filter(Boolean);
  return parts.join(", ") || words.noChange;
}

function count(fields: string[], message: string): string {
  return fields.length === 0 ? "" : say(message, { n: fields.length, field: fields[0] ?? "" });
}
