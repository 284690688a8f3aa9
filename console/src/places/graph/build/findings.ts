import words from "#words/findings";
import type { Schemas } from "../../../api";
import { nodeOf } from "../../../graph/edit";
import type { Graph } from "../../../graph/types";
import { say } from "../../../say";

type Found = Schemas["Finding"];

/** A fault or warning with its place. */
export interface Finding {
  tone: "bad" | "warn";
  /** The step; null for the journey. */
  nodeId: string | null;
  /** The setting of the journey, such as "goal"; "" for none. */
  setting: string;
  /** The JSON Pointer within the step or the setting: "/config/channel". */
  pointer: string;
  text: string;
}

/** Gives findings their places in the graph that they were found in. Faults come first. */
export function place(graph: Graph, faults: readonly Found[], warnings: readonly Found[]): Finding[] {
  return [
    ...faults.map((fault) => placeOne(graph, "bad", fault)),
    ...warnings.map((warning) => placeOne(graph, "warn", warning)),
  ];
}

function placeOne(graph: Graph, tone: "bad" | "warn", { pointer, detail }: Found): Finding {
  const [, root = "", list, index, ...rest] = pointer.split("/");
  const at = { tone, nodeId: null, setting: "", pointer, text: sayFinding(detail, rest) };
  if (root !== "definition") return { ...at, setting: root, pointer: pointer.slice(root.length + 1) };
  const nodeId =
    list === "nodes"
      ? graph.nodes[Number(index)]?.id
      : list === "edges"
        ? graph.edges[Number(index)]?.source
        : undefined;
  if (nodeId === undefined || nodeOf(graph, nodeId) === undefined) return at;
  return { ...at, nodeId, pointer: list === "nodes" && rest.length > 0 ? `/${rest.join("/")}` : "" };
}

// The service's words for what a builder meets often, and ours.
const known: readonly [RegExp, keyof typeof words][] = [
  [/^must have exactly one edge with sourceHandle "(.+)", has 0$/, "way"],
  [/^must have exactly one edge that leaves it, has 0$/, "nowhere"],
  [/^cannot be reached from the entry_trigger$/, "unreached"],
  [/^there is no entry_trigger/, "noEntry"],
  [/^is a second entry_trigger/, "secondEntry"],
  [/^condition is required$/, "noCondition"],
  [/^channel is required$/, "noChannel"],
  [/^decisionFlowId is required$/, "noDecision"],
  [/^branches is required$/, "noBranches"],
  [/^at least one attribute in set, unset or add is required$/, "noUpdate"],
  [/^has no topic and is not transactional/, "noTopic"],
  [/^names "(.+)", a topic that the tenant does not have/, "topicUnknown"],
  [/^names "(.+)", a topic that is not for the channel/, "topicChannel"],
  [/^topic is required for \{\{unsubscribe\.url\}\}$/, "linkTopic"],
  [/^exactly one of delayHours, delay and until is required$/, "noDelay"],
];

/** Says in a builder's words what is wrong, at a path within a step or the journey. */
export function sayFinding(detail: string, path: readonly string[]): string {
  for (const [pattern, name] of known) {
    const match = pattern.exec(detail);
    if (match) return say(words[name], { way: wayWord(match[1] ?? "") });
  }
  const field = path.filter((part) => part !== "config" && !/^\d+$/.test(part)).join(".");
  const sentence = field === "" ? detail.charAt(0).toUpperCase() + detail.slice(1) : `${field}: ${detail}`;
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

const wayWords: Record<string, string> = { true: words.yes, false: words.no, else: words.otherwise };

function wayWord(handle: string): string {
  return wayWords[handle] ?? handle;
}
