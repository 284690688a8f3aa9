import words from "#words/launch";
import type { Schemas } from "../../api";
import { nameOf, wayName } from "../../graph/describe";
import type { Graph } from "../../graph/types";
import { href } from "../../route";
import { say } from "../../say";
import { LinkButton } from "../../ui/button";
import { place } from "../graph/build/findings";
import type { TriedSummary } from "./checks";
import { Item } from "./item";

type Finding = Schemas["Finding"];

interface FindingsProps {
  id: string;
  graph: Graph;
}

/** The step that a pointer into the definition is about. */
function stepOf(pointer: string, graph: Graph): { id: string; name: string } | undefined {
  const [, part, index] = /^\/definition\/(nodes|edges)\/(\d+)/.exec(pointer) ?? [];
  const i = Number(index);
  const node = part === "edges" ? graph.nodes.find(({ id }) => id === graph.edges[i]?.source) : part && graph.nodes[i];
  return node ? { id: node.id, name: nameOf(node) } : undefined;
}

function List({ id, graph, findings }: FindingsProps & { findings: readonly Finding[] }) {
  return (
    <ul className="col gap-1">
      {findings.map(({ pointer, detail }) => {
        const step = stepOf(pointer, graph);
        const setting = /^\/(\w+)/.exec(pointer)?.[1] ?? "";
        return (
          <li key={`${pointer} ${detail}`}>
            {step && (
              <a
                className="med launch-step"
                href={href({ name: "graph", journey: id, mode: "build" }, { step: step.id })}
              >
                {step.name}
              </a>
            )}
            {setting in words.settings && (
              <span className="med">{words.settings[setting as keyof typeof words.settings]}</span>
            )}{" "}
            <span className="dim">{place(graph, [{ pointer, detail }], [])[0]?.text ?? detail}</span>
          </li>
        );
      })}
    </ul>
  );
}

function Show({ id, graph, findings }: FindingsProps & { findings: readonly Finding[] }) {
  const step = findings.map(({ pointer }) => stepOf(pointer, graph)).find(Boolean);
  return (
    <LinkButton small href={href({ name: "graph", journey: id, mode: "build" }, { step: step?.id })}>
      {words.show}
    </LinkButton>
  );
}

/** What keeps the journey from being launched. */
export function Faults({ id, graph, faults }: FindingsProps & { faults: readonly Finding[] }) {
  if (faults.length === 0) {
    return (
      <Item tone="ok" icon="check" title={words.noFaults}>
        <p className="dim">{say(words.noFaultsDetail, { n: graph.nodes.length })}</p>
      </Item>
    );
  }
  return (
    <Item
      tone="bad"
      icon="bang"
      title={say(words.faults, { n: faults.length })}
      action={<Show id={id} graph={graph} findings={faults} />}
    >
      <List id={id} graph={graph} findings={faults} />
    </Item>
  );
}

/** What is legal, but probably not meant. */
export function Warnings({ id, graph, warnings }: FindingsProps & { warnings: readonly Finding[] }) {
  if (warnings.length === 0) return null;
  return (
    <Item
      tone="warn"
      icon="bang"
      title={say(words.warnings, { n: warnings.length })}
      action={<Show id={id} graph={graph} findings={warnings} />}
    >
      <List id={id} graph={graph} findings={warnings} />
    </Item>
  );
}

const named = 5;

/** Which lines the personas tried. */
export function Tried({ id, tried }: { id: string; tried: TriedSummary }) {
  const { total, untried, people, passed, outside, stopped, complete } = tried;
  const ways = untried.map(({ node, way }) =>
    way.handle === null ? nameOf(node) : say(words.way, { step: nameOf(node), way: wayName(node, way) }),
  );
  const title = people === 0 ? words.nothingTried : say(words.linesTried, { tried: total - untried.length, n: total });
  return (
    <Item
      tone={complete ? "ok" : "warn"}
      icon={complete ? "check" : "bang"}
      title={title}
      action={
        <LinkButton small href={href({ name: "graph", journey: id, mode: "simulate" })}>
          {words.simulate}
        </LinkButton>
      }
    >
      <p className="dim">
        {people === 0 ? words.nothingTriedDetail : say(words.personasPass, { n: passed })}{" "}
        {outside > 0 && say(words.personasOutside, { n: outside })}{" "}
        {stopped.length > 0 && say(words.personasStop, { names: stopped.join(", ") })}{" "}
        {people > 0 && ways.length > 0 && (
          <>
            {words.nobodyWent} <b className="med">{[...new Set(ways)].slice(0, named).join(", ")}</b>
            {ways.length > named && ` ${say(words.andMore, { n: ways.length - named })}`}.
          </>
        )}
      </p>
    </Item>
  );
}
