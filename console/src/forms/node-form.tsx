import type { Schemas } from "../api";
import type { Graph, GraphNode } from "../graph/types";
import type { Fault } from "../problem";

interface NodeFormProps {
  node: GraphNode;
  graph: Graph;
  settings: Schemas["Settings"] | undefined;
  names: Schemas["Names"] | undefined;
  /** By pointer into the node. */
  faults: readonly Fault[];
  onChange: (next: GraphNode, field: string) => void;
}

export function NodeForm(_props: NodeFormProps) {
  return null;
}
