import words from "#words/people";
import { nameOf, wayName } from "../../graph/describe";
import type { GraphNode } from "../../graph/types";
import { waysOf } from "../../graph/ways";
import { say } from "../../say";

/** Why someone failed, in words. What the console does not know is shown as it is. */
export function reasonText(reason: string | undefined): string {
  if (reason === undefined) return words.reasons.unknown;
  if (reason.startsWith("graph_not_whole")) return say(words.reasons.graph_not_whole, { detail: reason.slice(17) });
  return reason in words.reasons ? words.reasons[reason as keyof typeof words.reasons] : reason;
}

/** How someone left, in words. */
export function exitText(status: string, reason: string | undefined): string {
  if (reason?.startsWith("event:")) return say(words.leftByEvent, { event: reason.slice(6) });
  if (reason !== undefined && reason in words.exits) return words.exits[reason as keyof typeof words.exits];
  const how = words.statuses[status as keyof typeof words.statuses] ?? status;
  return reason === undefined ? how : `${how}: ${reason}`;
}

/** What came of a step, in words: the name of the way, or what was done. */
export function resultText(result: string, node: GraphNode | undefined): string {
  const way = node && waysOf(node, []).find(({ handle }) => handle === result);
  if (node && way) return wayName(node, way);
  return result in words.results ? words.results[result as keyof typeof words.results] : result;
}

/** The name of a step; its id where the version has none such. */
export function stepName(id: string, nodes: ReadonlyMap<string, GraphNode>): string {
  const node = nodes.get(id);
  return node ? nameOf(node) : id;
}

/** The run of a customer, counted from one. */
export function runText(n: number): string {
  return n === 1 ? words.firstRun : say(words.run, { n });
}
