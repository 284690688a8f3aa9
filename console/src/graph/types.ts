import type { Json, JsonObject } from "../json";

/** A node of a definition. Keys that the console does not know are kept as they came. */
export interface GraphNode extends JsonObject {
  id: string;
  type: string;
  config?: JsonObject;
  label?: string;
}

/** An edge of a definition. */
export interface GraphEdge extends JsonObject {
  source: string;
  target: string;
  sourceHandle?: string | null;
}

/** A definition: what the API keeps, and nothing else. Never changed in place; the canvas only draws it. */
export interface Graph extends JsonObject {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

/** The settings of a journey that are pinned at entry. */
export interface PinnedSettings {
  timezone: string;
  exitOn: Json[];
  exitWhen: JsonObject | null;
  goal: JsonObject | null;
}

/** What is edited: the content of a draft. */
export interface Work extends PinnedSettings {
  definition: Graph;
}

/** The types of nodes that the console can edit. */
export const nodeTypes = [
  "entry_trigger",
  "wait",
  "condition_split",
  "multi_split",
  "random_split",
  "nba_decision",
  "channel_action",
  "update_customer",
  "exit",
] as const;
export type NodeType = (typeof nodeTypes)[number];

/** Whether the console knows a type. Nodes of other types are drawn and kept as they are. */
export function isNodeType(type: string): type is NodeType {
  return (nodeTypes as readonly string[]).includes(type);
}

/** Reads a definition as the API returns it: nodes and edges may be absent. */
export function readGraph(definition: unknown): Graph {
  const graph = (definition ?? {}) as Partial<Graph>;
  return { ...graph, nodes: graph.nodes ?? [], edges: graph.edges ?? [] };
}

/** What may be reported of a message, what is asked for most first. */
export const reports = ["clicked", "opened", "delivered", "bounced", "complained", "unsubscribed"] as const;
