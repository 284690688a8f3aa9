import words from "#words/create";
import { say } from "../../say";
import type { Example } from "./examples";
import { Mini } from "./mini";

interface TemplateProps {
  example: Example;
  /** It is being created. */
  busy: boolean;
  choose: () => void;
}

/** An example to begin with. */
export function Template({ example, busy, choose }: TemplateProps) {
  const { name, sentence, graph, event } = example;
  const starts = event === undefined ? words.fromList : say(words.startsWith, { event });
  return (
    <button type="button" className="card tmpl" aria-busy={busy} onClick={choose}>
      <Mini graph={graph} />
      <span className="col gap-1 grow">
        <span className="t4">{name}</span>
        <span className="dim">{sentence}</span>
      </span>
      <span className="t2 dim">{busy ? words.creating : say(words.steps, { n: graph.nodes.length, starts })}</span>
    </button>
  );
}
