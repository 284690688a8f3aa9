// Edits of a graph. Each returns another graph, in which all that it did not touch is the same object:
// unknown keys, the order of keys and numbers stay as they came.
import type { Json, JsonObject } from "../json";
import { isObject } from "../json";
import type { Gap } from "./canvas";
import { newId } from "./ids";
import { reachable, reaches, roots } from "./reach";
import type { Graph, GraphEdge, GraphNode, NodeType } from "./types";
import { edgeOf, waysOf } from "./ways";

/** A graph with a step that was added to it. */
export interface Added {
  graph: Graph;
  id: string;
}

/** Returns a node by its id. */
export function nodeOf(graph: Graph, id: string | null): GraphNode | undefined {
  return id === null ? undefined : graph.nodes.find((node) => node.id === id);
}

/** The edge at a gap. */
export function edgeAt(graph: Graph, { source, handle }: Gap): GraphEdge | undefined {
  return edgeOf(graph, source, { handle, name: "" });
}

/** The ways out of a node that lead nowhere yet. */
export function openWays(graph: Graph, node: GraphNode): Gap[] {
  return waysOf(node, graph.edges).flatMap(({ handle }) =>
    edgeAt(graph, { source: node.id, handle }) === undefined ? [{ source: node.id, handle }] : [],
  );
}

const newConfigs: Record<NodeType, () => JsonObject> = {
  entry_trigger: () => ({}),
  wait: () => ({ delay: { value: 1, unit: "days" } }),
  condition_split: () => ({}),
  // A branch without conditions is never taken.
  multi_split: () => ({ branches: ["a", "b"].map((id) => ({ id, condition: { any: [] } })) }),
  random_split: () => ({ branches: ["a", "b"].map((id) => ({ id, weight: 50 })) }),
  nba_decision: () => ({}),
  channel_action: () => ({}),
  update_customer: () => ({}),
  exit: () => ({}),
};

function newNode(graph: Graph, type: NodeType): GraphNode {
  return { id: newId(type, (id) => nodeOf(graph, id) !== undefined), type, config: newConfigs[type]() };
}

/** Adds an entry that leads to an exit: the beginning of a journey. */
export function addEntry(graph: Graph): Added {
  const entry = newNode(graph, "entry_trigger");
  const exit = newNode(graph, "exit");
  const first = roots(graph)[0];
  const edge = { source: entry.id, target: first ?? exit.id };
  const nodes = first === undefined ? [entry, exit] : [entry];
  return { graph: addTo(graph, nodes, [edge]), id: entry.id };
}

function addTo(graph: Graph, nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Graph {
  return { ...graph, nodes: [...graph.nodes, ...nodes], edges: [...graph.edges, ...edges] };
}

// A new split of these types gets an exit on its default way.
const exitWays: Partial<Record<NodeType, string>> = { condition_split: "false", multi_split: "else" };

/** Adds a step on a way. Its own ways lead on to where the way led. */
export function insert(graph: Graph, gap: Gap, type: NodeType): Added {
  const node = newNode(graph, type);
  const handle = exitWays[type];
  if (handle === undefined) return { graph: splice(graph, gap, [node], [], node.id), id: node.id };
  const exit = newNode(graph, "exit");
  const edge = { source: node.id, target: exit.id, sourceHandle: handle };
  return { graph: splice(graph, gap, [node, exit], [edge], node.id), id: node.id };
}

/** Puts nodes on a way. Their open ways lead on to where it led. */
export function splice(graph: Graph, gap: Gap, nodes: GraphNode[], edges: GraphEdge[], head: string): Graph {
  const target = edgeAt(graph, gap)?.target;
  const linked = link(addTo(graph, nodes, edges), gap, head);
  if (target === undefined) return linked;
  const open = nodes.flatMap((node) => openWays(linked, node));
  const joined = open.reduce((g, way) => link(g, way, target), linked);
  return dropLostExits(joined, graph);
}

/** Leads a way to a node, by its edge or a new one. */
function link(graph: Graph, gap: Gap, target: string): Graph {
  const old = edgeAt(graph, gap);
  if (old === undefined) {
    const { source, handle } = gap;
    return addTo(graph, [], [{ source, target, ...(handle === null ? {} : { sourceHandle: handle }) }]);
  }
  return { ...graph, edges: graph.edges.map((edge) => (edge === old ? { ...edge, target } : edge)) };
}

/** Removes the exits to which something led before and nothing leads now. Other steps stay, to be led to again. */
export function dropLostExits(graph: Graph, before: Graph): Graph {
  const led = new Set(before.edges.map(({ target }) => target));
  const leads = new Set(graph.edges.map(({ target }) => target));
  const nodes = graph.nodes.filter(({ id, type }) => type !== "exit" || leads.has(id) || !led.has(id));
  return nodes.length === graph.nodes.length ? graph : { ...graph, nodes };
}

/** Whether a way may lead to a node without a cycle. */
export function canConnect(graph: Graph, { source }: Gap, target: string): boolean {
  const node = nodeOf(graph, target);
  return node !== undefined && node.type !== "entry_trigger" && !reaches(graph, target, source);
}

/** Leads a way to another step. The graph stays the same if that would close a circle. */
export function connect(graph: Graph, gap: Gap, target: string): Graph {
  if (!canConnect(graph, gap, target) || edgeAt(graph, gap)?.target === target) return graph;
  return dropLostExits(link(graph, gap, target), graph);
}

/** Takes the line of a way away: it leads nowhere. */
export function disconnect(graph: Graph, gap: Gap): Graph {
  const old = edgeAt(graph, gap);
  if (old === undefined) return graph;
  return dropLostExits({ ...graph, edges: graph.edges.filter((edge) => edge !== old) }, graph);
}

/** Ends a way at a new exit. */
export function addExitAt(graph: Graph, gap: Gap): Added {
  const exit = newNode(graph, "exit");
  return { graph: dropLostExits(link(addTo(graph, [exit], []), gap, exit.id), graph), id: exit.id };
}

/** Whether a step can be deleted: the only entry of a journey cannot. */
export function canRemove(graph: Graph, id: string): boolean {
  const node = nodeOf(graph, id);
  if (node === undefined) return false;
  const entries = graph.nodes.filter(({ type }) => type === "entry_trigger");
  return node.type !== "entry_trigger" || entries.length > 1 || graph.nodes.length === 1;
}

/** The ways of a step that lead to different steps: if there are several, deleting it must say which one stays. */
export function waysToKeep(graph: Graph, id: string): Gap[] {
  const node = nodeOf(graph, id);
  if (node === undefined) return [];
  const ways = waysOf(node, graph.edges).map(({ handle }) => ({ source: id, handle }));
  const led = ways.filter((way) => edgeAt(graph, way) !== undefined);
  const targets = new Set(led.map((way) => edgeAt(graph, way)?.target));
  return targets.size > 1 ? led : led.slice(0, 1);
}

/** Deletes a step. What led to it leads on by the way that is kept; what only its other ways led to goes, too. */
export function remove(graph: Graph, id: string, keep: Gap | undefined = waysToKeep(graph, id)[0]): Graph {
  const target = keep && edgeAt(graph, keep)?.target;
  const edges = graph.edges.flatMap((edge) => {
    if (edge.source === id) return [];
    if (edge.target !== id) return [edge];
    return target === undefined ? [] : [{ ...edge, target }];
  });
  const nodes = graph.nodes.filter((node) => node.id !== id);
  return dropLost({ ...graph, nodes, edges }, graph, id, target);
}

function dropLost(graph: Graph, before: Graph, id: string, target: string | undefined): Graph {
  const after = new Set(roots(before).filter((root) => root !== id));
  if (target !== undefined) after.add(target);
  const kept = reachable(graph, after);
  const led = reachable(before, [id]);
  const lost = (node: string) => led.has(node) && !kept.has(node);
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => !lost(node.id)),
    edges: graph.edges.filter((edge) => !lost(edge.source) && !lost(edge.target)),
  };
}

/** How many other steps would go with a step. */
export function lostWith(graph: Graph, id: string, keep: Gap): number {
  return graph.nodes.length - 1 - remove(graph, id, keep).nodes.length;
}

/** Puts a node in the place of the one with its id. */
export function replaceNode(graph: Graph, next: GraphNode): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.id === next.id ? next : node)) };
}

/** Names a step: by `label`, or by `data.label` where only that is set. An empty name is none. */
export function rename(node: GraphNode, name: string): GraphNode {
  const data: Json | undefined = node["data"];
  if (node.label === undefined && isObject(data) && typeof data["label"] === "string") {
    return { ...node, data: withText(data, "label", name) };
  }
  return withText(node, "label", name);
}

function withText<T extends JsonObject>(object: T, key: string, text: string): T {
  if (text !== "") return { ...object, [key]: text };
  const { [key]: _, ...rest } = object;
  return rest as T;
}
