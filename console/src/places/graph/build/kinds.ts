import { kindOf } from "../../../graph/describe";
import type { NodeType } from "../../../graph/types";

/** The kinds of steps that one can add, in the order of the palette. */
export const addable: readonly NodeType[] = [
  "channel_action",
  "wait",
  "condition_split",
  "multi_split",
  "random_split",
  "nba_decision",
  "update_customer",
  "exit",
];

/** How a kind looks. */
export function looksOf(type: NodeType) {
  return kindOf({ id: "", type });
}
