import words from "#words/simulate";
import { formatRate } from "../../../format";
import { wayName } from "../../../graph/describe";
import type { Graph, GraphNode } from "../../../graph/types";
import { waysOf } from "../../../graph/ways";
import type { JsonObject } from "../../../json";
import { say } from "../../../say";
import { SelectField } from "../../../ui/field";
import { ConditionTree } from "./condition-tree";
import type { Step } from "./coverage";
import { flatten } from "./paths";
import { answerOf, withBranch } from "./persona-form";
import type { Persona, PersonaTest } from "./personas";
import { JsonField } from "./value-rows";
import { momentText, valueText } from "./words-of";

interface DetailProps {
  step: Step;
  node: GraphNode;
  graph: Graph;
  persona: Persona;
  onChange: (change: (test: PersonaTest) => PersonaTest) => void;
}

/** What a step looked at and did. */
export function Detail(props: DetailProps) {
  const { step, node, persona } = props;
  const detail = step.detail ?? {};
  return (
    <>
      {detail.condition && <ConditionTree condition={detail.condition} name={persona.name} />}
      {detail.branches?.map(({ id, condition }) => (
        <section key={id} className="col gap-1">
          <h3>
            <span className="chip chip--line">{wayName(node, { handle: id, name: id })}</span>
          </h3>
          <ConditionTree condition={condition} name={persona.name} />
        </section>
      ))}
      {node.type === "entry_trigger" && <EntryFacts persona={persona} />}
      {node.type === "wait" && <WaitFacts step={step} />}
      {node.type === "random_split" && <RandomFacts {...props} />}
      {node.type === "nba_decision" && <DecisionFacts {...props} />}
      {node.type === "update_customer" && <UpdateFacts step={step} />}
    </>
  );
}

function EntryFacts({ persona }: { persona: Persona }) {
  const event = persona.test.entryEvent;
  const facts = event ? flatten(event.properties ?? {}) : [];
  return (
    <>
      <p>{event ? <code>{event.type}</code> : words.byCall}</p>
      {facts.length > 0 && (
        <dl className="facts t2">
          {facts.map(({ path, value }) => (
            <Fact key={path} name={path} value={valueText(value)} />
          ))}
        </dl>
      )}
    </>
  );
}

function WaitFacts({ step }: { step: Step }) {
  const { until, endedBy, reason, timezone } = step.detail ?? {};
  const ends = { timer: words.timer, event: words.byEvent, exit: words.byExit };
  return (
    <>
      {reason && <p className="warn">{words.dates[reason]}</p>}
      <dl className="facts">
        {until && <Fact name={words.until} value={momentText(until)} />}
        {endedBy && <Fact name={words.endedBy} value={ends[endedBy]} />}
        {timezone && <Fact name={words.zone} value={timezone} />}
      </dl>
    </>
  );
}

function RandomFacts({ step, node, graph, persona, onChange }: DetailProps) {
  const { share, forced } = step.detail ?? {};
  const ways = waysOf(node, graph.edges);
  const id = persona.test.customerId ?? "test";
  return (
    <>
      {share !== undefined && (
        <p>
          {say(words.shareOf, { share: formatRate(share, 1) })}
          {forced && <span className="dim">, {words.forced}</span>}
        </p>
      )}
      <SelectField
        label={say(words.way, { name: persona.name })}
        value={persona.test.branches?.[node.id] ?? ""}
        options={[
          ["", say(words.byId, { id })] as const,
          ...ways.map((way) => [way.handle ?? "", say(words.force, { way: wayName(node, way) })] as const),
        ]}
        onChange={({ target }) => onChange((test) => withBranch(test, node.id, target.value))}
      />
    </>
  );
}

function DecisionFacts({ node, persona, onChange }: DetailProps) {
  return (
    <JsonField
      key={`${persona.id} ${node.id}`}
      hideLabel={false}
      label={words.answer}
      help={words.answerHelp}
      value={answerOf(persona.test, node.id)}
      onChange={(answer) => onChange((test) => ({ ...test, decisions: { ...test.decisions, [node.id]: answer } }))}
    />
  );
}

function UpdateFacts({ step }: { step: Step }) {
  const before = (step.detail?.before ?? {}) as JsonObject;
  const after = (step.detail?.after ?? {}) as JsonObject;
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const cell = (value: JsonObject[string]) =>
    value === undefined ? <span className="dimmer">{words.nothingThere}</span> : valueText(value);
  return (
    <table className="table-update t2">
      <thead>
        <tr>
          <th scope="col">{words.attribute}</th>
          <th scope="col">{words.before}</th>
          <th scope="col">{words.after}</th>
        </tr>
      </thead>
      <tbody>
        {paths.map((path) => (
          <tr key={path}>
            <th scope="row">
              <code>{path}</code>
            </th>
            <td>{cell(before[path])}</td>
            <td className="med">{cell(after[path])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
