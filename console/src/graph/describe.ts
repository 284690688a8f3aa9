// Stub until the canvas lands.
import { isObject, scalarText } from "../json";
import type { IconName } from "../ui/icon";
import type { GraphNode } from "./types";
import type { Way } from "./ways";

const kinds: Record<string, { kind: string; icon: IconName; word: string }> = {
  entry_trigger: { kind: "k-entry", icon: "entry", word: "Entry" },
  wait: { kind: "k-wait", icon: "wait", word: "Wait" },
  condition_split: { kind: "k-condition", icon: "condition", word: "Condition" },
  multi_split: { kind: "k-multi", icon: "multi", word: "Split" },
  random_split: { kind: "k-random", icon: "random", word: "Random split" },
  nba_decision: { kind: "k-decision", icon: "decision", word: "Decision" },
  channel_action: { kind: "k-message", icon: "email", word: "Message" },
  update_customer: { kind: "k-update", icon: "update", word: "Update" },
  exit: { kind: "k-exit", icon: "exit", word: "Exit" },
};

export function kindOf(node: GraphNode): { kind: string; icon: IconName; word: string } {
  return kinds[node.type] ?? { kind: "k-unknown", icon: "unknown", word: node.type };
}
export function nameOf(node: GraphNode): string {
  const data = node["data"];
  return node.label || (isObject(data) ? scalarText(data["label"]) : "") || kindOf(node).word;
}
export function factOf(_node: GraphNode): string {
  return "";
}
export function wayName(_node: GraphNode, way: Way): string {
  return way.name;
}
