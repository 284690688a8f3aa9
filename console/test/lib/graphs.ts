// Graphs that several tests draw.
import type { Graph, GraphEdge, GraphNode } from "../../src/graph/types";

/** Entry, e-mail, a wait of two days, a split by orders, a second e-mail, two exits. Everyone stays in the wait. */
export const welcome: Graph = {
  nodes: [
    { id: "start", type: "entry_trigger", config: { eventType: "signup" } },
    { id: "greet", type: "channel_action", label: "Greet", config: { channel: "email", templateId: "welcome" } },
    { id: "pause", type: "wait", config: { delayHours: 48 } },
    {
      id: "bought",
      type: "condition_split",
      label: "Has bought?",
      config: { condition: { field: "orders", operator: "gt", value: 0 } },
    },
    { id: "offer", type: "channel_action", label: "Offer", config: { channel: "email", templateId: "offer" } },
    { id: "customer", type: "exit", label: "Is a customer", config: { reason: "bought" } },
    { id: "done", type: "exit", config: { reason: "completed" } },
  ],
  edges: [
    { source: "start", target: "greet" },
    { source: "greet", target: "pause" },
    { source: "pause", target: "bought" },
    { source: "bought", sourceHandle: "true", target: "customer" },
    { source: "bought", sourceHandle: "false", target: "offer" },
    { source: "offer", target: "done" },
  ],
};

/** Entry, one message and an exit: customers finish at once, or fail if the channel refuses their address. */
export function oneMessage(channel: string): Graph {
  return {
    nodes: [
      { id: "start", type: "entry_trigger" },
      { id: "send", type: "channel_action", label: "Send", config: { channel, templateId: "hello" } },
      { id: "done", type: "exit", config: { reason: "completed" } },
    ],
    edges: [
      { source: "start", target: "send" },
      { source: "send", target: "done" },
    ],
  };
}

/** The largest graph there may be: 256 nodes, half of them in pairs below splits. */
export function largest(): Graph {
  const nodes: GraphNode[] = [{ id: "start", type: "entry_trigger" }];
  const edges: GraphEdge[] = [];
  const open: { source: string; sourceHandle?: string }[] = [{ source: "start" }];
  const add = (node: GraphNode) => {
    const from = open.shift();
    if (from === undefined) throw new Error("no open way");
    nodes.push(node);
    edges.push({ ...from, target: node.id });
  };
  for (let n = 1; nodes.length + open.length < 256; n++) {
    const id = `step-${n}`;
    if (n % 4 === 2 && nodes.length + open.length < 255) {
      add({ id, type: "condition_split", config: { condition: { field: "visits", operator: "gt", value: n } } });
      open.push({ source: id, sourceHandle: "true" }, { source: id, sourceHandle: "false" });
      continue;
    }
    add(
      n % 2 === 1
        ? { id, type: "channel_action", label: `Message ${n}`, config: { channel: "email", templateId: `t${n}` } }
        : { id, type: "wait", config: { delayHours: n } },
    );
    open.push({ source: id });
  }
  while (open.length > 0) add({ id: `end-${nodes.length}`, type: "exit", config: { reason: "completed" } });
  return { nodes, edges };
}
