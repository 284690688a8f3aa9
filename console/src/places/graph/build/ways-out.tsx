import words from "#words/build";
import { nameOf, wayName } from "../../../graph/describe";
import { canConnect, edgeAt, nodeOf } from "../../../graph/edit";
import type { Graph, GraphNode } from "../../../graph/types";
import { awaitedIds, type Way, waysOf } from "../../../graph/ways";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Icon } from "../../../ui/icon";
import type { Commands } from "./use-commands";

interface WaysOutProps {
  graph: Graph;
  node: GraphNode;
  commands: Commands;
}

const newExit = " exit"; // no id: ids have no spaces

/** Where the ways of a step go on, each to be led elsewhere. */
export function WaysOut({ graph, node, commands }: WaysOutProps) {
  const ways = waysOf(node, graph.edges);
  if (ways.length === 0) return null;
  const awaited = node.type === "wait" ? awaitedIds(node.config ?? {}) : [];
  const shared = awaited.length > 0 && ways[0]?.handle === null;
  return (
    <div className="sec sec--tight">
      <h3 className="sec-title">{ways.length > 1 ? words.waysOut : words.wayOut}</h3>
      {ways.map((way) => (
        <WayOut key={way.handle} graph={graph} node={node} way={way} commands={commands} />
      ))}
      {shared && (
        <>
          <p className="help">{words.sharedWay}</p>
          <div>
            <Button small icon="plus" onClick={() => commands.split(node.id, awaited)}>
              {words.splitWay}
            </Button>
          </div>
        </>
      )}
    </div>
  );
}

function WayOut({ graph, node, way, commands }: WaysOutProps & { way: Way }) {
  const gap = { source: node.id, handle: way.handle };
  const target = edgeAt(graph, gap)?.target ?? "";
  const name = wayName(node, way);
  const targets = graph.nodes.filter(({ id }) => id === target || canConnect(graph, gap, id));
  const names = new Map<string, number>();
  for (const step of targets) names.set(nameOf(step), (names.get(nameOf(step)) ?? 0) + 1);
  return (
    <div className="row">
      {name !== "" && (
        <span className="chip chip--line way-chip cut" title={name}>
          {name}
        </span>
      )}
      <Icon name="arrow-right" />
      <select
        className="select grow"
        aria-label={say(words.goesOn, { way: name || nameOf(node) })}
        value={target}
        aria-invalid={target === "" || undefined}
        onChange={(event) => {
          if (event.target.value === newExit) commands.endAtExit(gap);
          else commands.connect(gap, event.target.value);
        }}
      >
        {target === "" && <option value="">{words.nowhere}</option>}
        {targets.map((step) => (
          <option key={step.id} value={step.id}>
            {names.get(nameOf(step)) === 1 ? nameOf(step) : `${nameOf(step)} (${step.id})`}
          </option>
        ))}
        {nodeOf(graph, target)?.type !== "exit" && <option value={newExit}>{words.newExit}</option>}
      </select>
    </div>
  );
}
