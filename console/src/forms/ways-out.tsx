import words from "#words/forms";
import { nameOf, wayName } from "../graph/describe";
import { reaches } from "../graph/reach";
import type { Graph, GraphNode } from "../graph/types";
import { awaitedIds, edgeOf, type Way, waysOf } from "../graph/ways";
import { say } from "../say";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";

interface Props {
  node: GraphNode;
  graph: Graph;
  /** Leads a way to a step; null takes its line away. */
  onWay: (handle: string | null, target: string | null) => void;
  /** Gives a wait that leads out by one line a way for each event. */
  onSplit: (() => void) | undefined;
}

/** Where the ways of a step lead. */
export function WaysOut({ node, graph, onWay, onSplit }: Props) {
  const ways = waysOf(node, graph.edges);
  if (ways.length === 0) return null;
  const targets = graph.nodes.filter(
    (target) => target.id !== node.id && target.type !== "entry_trigger" && !reaches(graph, target.id, node.id),
  );
  const splits = node.type === "wait" && ways[0]?.handle === null && awaitedIds(node.config ?? {}).length > 0;
  return (
    <div className="sec sec--tight">
      <h3 className="sec-title">{words.waysOut}</h3>
      {ways.map((way) => (
        <WayRow key={way.handle} node={node} graph={graph} way={way} targets={targets} onWay={onWay} />
      ))}
      {splits && onSplit && (
        <div className="row">
          <Button small icon="multi" onClick={onSplit}>
            {words.ownWays}
          </Button>
        </div>
      )}
    </div>
  );
}

interface RowProps {
  node: GraphNode;
  graph: Graph;
  way: Way;
  targets: readonly GraphNode[];
  onWay: Props["onWay"];
}

function WayRow({ node, graph, way, targets, onWay }: RowProps) {
  const target = edgeOf(graph, node.id, way)?.target ?? "";
  const name = wayName(node, way);
  const here = graph.nodes.find(({ id }) => id === target);
  const options = here === undefined || targets.includes(here) ? targets : [here, ...targets];
  return (
    <div className="row">
      {name !== "" && (
        <span className="chip chip--line way-chip" title={name}>
          <span className="cut">{name}</span>
        </span>
      )}
      <Icon name="arrow-right" />
      <select
        className="select grow"
        aria-label={name === "" ? words.onlyWay : say(words.goesOn, { way: name })}
        value={target}
        onChange={(event) => onWay(way.handle, event.target.value === "" ? null : event.target.value)}
      >
        <option value="">{words.nowhere}</option>
        {options.map((one) => (
          <option key={one.id} value={one.id}>
            {nameOf(one)}
          </option>
        ))}
      </select>
    </div>
  );
}
