import words from "#words/build";
import type { Schemas } from "../../../api";
import type { Graph } from "../../../graph/types";
import { href } from "../../../route";
import { rich, say } from "../../../say";
import { LinkButton } from "../../../ui/button";

interface RestPanelProps {
  journey: Schemas["Journey"];
  graph: Graph;
  readOnly: boolean;
}

/** At the right while no step is chosen: what one can do. */
export function RestPanel({ journey, graph, readOnly }: RestPanelProps) {
  const empty = graph.nodes.length === 0;
  return (
    <aside className="panel panel--end" aria-label={journey.name}>
      <div className="panel-head">
        <div className="grow">
          <h2 className="t4 cut">{journey.name}</h2>
          <p className="t2 dim">{say(words.steps, { n: graph.nodes.length })}</p>
        </div>
      </div>
      <div className="panel-body scroll">
        <div className="sec">
          {journey.description && <p>{journey.description}</p>}
          {!empty && <p className="dim">{readOnly ? words.chooseStepToSee : words.chooseStep}</p>}
          {!empty && !readOnly && (
            <ul className="col gap-2 dim">
              <li>{rich(words.hintAdd, { key: <kbd key="k">A</kbd> })}</li>
              <li>{rich(words.hintUndo, { key: <kbd key="k">Ctrl Z</kbd> })}</li>
              <li>{rich(words.hintHelp, { key: <kbd key="k">?</kbd> })}</li>
            </ul>
          )}
        </div>
      </div>
    </aside>
  );
}

/** On a phone: that there is no room to build, and where to go instead. */
export function Narrow({ id }: { id: string }) {
  return (
    <section className="panel narrow" aria-label={words.narrow}>
      <p className="dim">{words.narrowDetail}</p>
      <LinkButton icon="live" href={href({ name: "graph", journey: id, mode: "live" })}>
        {words.watch}
      </LinkButton>
    </section>
  );
}
