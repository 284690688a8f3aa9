import { useRef } from "react";
import words from "#words/simulate";
import { nameOf, wayName } from "../../../graph/describe";
import type { Graph } from "../../../graph/types";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Icon } from "../../../ui/icon";
import { Menu } from "../../../ui/menu";
import { type Coverage, exitName, type Line } from "./coverage";
import { flatten } from "./paths";
import { identifies, initials, maxPersonas, type Persona } from "./personas";
import type { Run } from "./use-runs";
import { lengthText, outcomeText, sinceEntry, valueText } from "./words-of";

interface PersonasPanelProps {
  personas: readonly Persona[];
  runs: ReadonlyMap<string, Run>;
  graph: Graph;
  coverage: Coverage;
  chosen: Persona | undefined;
  /** A customer who is only looked at. */
  guest: Persona | undefined;
  onChoose: (id: string) => void;
  onNew: () => void;
  onSend: (line: Line) => void;
  onEdit: () => void;
  onDuplicate: (persona: Persona) => void;
  onRemove: (persona: Persona) => void;
  onKeep: () => void;
}

/** The personas, the ways that none of them took, and the chosen one. */
export function PersonasPanel(props: PersonasPanelProps) {
  const { personas, guest, coverage, graph, onNew, onSend } = props;
  const full = personas.length >= maxPersonas ? words.full : undefined;
  return (
    <aside className="panel panel--start" aria-label={words.personas}>
      <div className="panel-head">
        <h2 className="semi grow">
          {words.personas} <span className="dimmer med">{personas.length}</span>
        </h2>
        <Button small icon="plus" onClick={onNew} waits={full}>
          {words.new}
        </Button>
      </div>
      <div className="panel-body scroll">
        <PersonaList {...props} personas={guest ? [guest, ...personas] : personas} />
        {personas.length > 0 && coverage.next.length > 0 && (
          <NobodyYet graph={graph} lines={coverage.next} full={full} onSend={onSend} />
        )}
        <Chosen {...props} full={full} />
      </div>
    </aside>
  );
}

function PersonaList({ personas, runs, graph, chosen, onChoose, onEdit, onRemove, guest }: PersonasPanelProps) {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const at = personas.findIndex(({ id }) => id === chosen?.id);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: personas.length - 1 }[event.key];
    if (event.key === "Enter") onEdit();
    else if (event.key === "Delete" && chosen && chosen !== guest) onRemove(chosen);
    else if (to === undefined) return;
    event.preventDefault();
    const next = to === undefined ? undefined : personas[Math.max(0, Math.min(personas.length - 1, to))];
    if (next === undefined) return;
    onChoose(next.id);
    list.current?.querySelectorAll<HTMLElement>("[role=option]")[personas.indexOf(next)]?.focus();
  };
  if (personas.length === 0) return null;
  return (
    <div ref={list} role="listbox" aria-label={words.personas} className="col personas" onKeyDown={onKeyDown}>
      {personas.map((persona) => (
        <div
          key={persona.id}
          role="option"
          tabIndex={persona.id === chosen?.id ? 0 : -1}
          aria-selected={persona.id === chosen?.id}
          className="persona"
          onClick={() => onChoose(persona.id)}
          onKeyDown={(event) => event.key === " " && onChoose(persona.id)}
        >
          <PersonaRow persona={persona} run={runs.get(persona.id)} graph={graph} />
        </div>
      ))}
    </div>
  );
}

function PersonaRow({ persona, run, graph }: { persona: Persona; run: Run | undefined; graph: Graph }) {
  const result = run?.result;
  return (
    <>
      <span className="avatar" aria-hidden="true">
        {initials(persona.name)}
      </span>
      <span className="col">
        <span className="row row--base">
          <span className="med clip two-lines" title={persona.name}>
            {persona.name}
          </span>
          {result && <span className="t2 dim push length">{lengthText(result)}</span>}
        </span>
        <span className="t2 dim clip">{persona.note ?? summary(persona)}</span>
      </span>
      {run?.error ? (
        <span className="out bad">
          <Icon name="alert" small />
          {words.refused}
        </span>
      ) : (
        <span className={result?.outcome === "stopped" ? "out warn" : "out"}>
          <Icon name={result?.outcome === "stopped" ? "warning" : "exit"} small />
          <span className="grow">{result ? outcomeText(result, exitName(graph, result)) : words.running}</span>
          {result?.conversion && (
            <span className="converted" title={say(words.converted, { time: "" }).trim()}>
              <Icon name="goal" small />
              <span className="sr">{say(words.converted, { time: "" })}</span>
            </span>
          )}
        </span>
      )}
    </>
  );
}

/** What a persona does and has, where no words say what is special. Addresses and names say little. */
function summary({ test }: Persona): string {
  const events = (test.events ?? []).map(({ type, afterHours }) =>
    say(words.eventAfter, { type, time: sinceEntry(afterHours * 3_600_000) }),
  );
  const facts = [...flatten(test.entryEvent?.properties ?? {}), ...flatten(test.customerAttributes ?? {})]
    .filter(({ path }) => !identifies.test(path))
    .map(({ path, value }) => `${path} ${valueText(value).replace(/^(\d{4}-\d\d-\d\d)T.*/, "$1")}`);
  return [...events, ...facts].slice(0, 3).join(", ");
}

interface NobodyYetProps {
  graph: Graph;
  lines: readonly Line[];
  full: string | undefined;
  onSend: (line: Line) => void;
}

const mostLines = 12;

function NobodyYet({ graph, lines, full, onSend }: NobodyYetProps) {
  return (
    <section className="sec sec--tight sec--over" aria-label={words.nobodyYet}>
      <h3 className="sec-title">{words.nobodyYet}</h3>
      {lines.slice(0, mostLines).map((line) => {
        const target = graph.nodes.find(({ id }) => id === line.target);
        const name = target ? nameOf(target) : line.target;
        return (
          <div key={line.key} className="row row--2">
            <Untaken />
            <span className="col grow">
              <span className="cut" title={name}>
                {name}
              </span>
              <span className="t2 dim cut">
                {[nameOf(line.node), wayName(line.node, line.way)].filter(Boolean).join(", ")}
              </span>
            </span>
            <Button small waits={full} aria-label={say(words.sendOneTo, { step: name })} onClick={() => onSend(line)}>
              {words.sendOne}
            </Button>
          </div>
        );
      })}
      {lines.length > mostLines && <p className="t2 dim">{say(words.more, { n: lines.length - mostLines })}</p>}
    </section>
  );
}

function Untaken() {
  return (
    <svg width="20" height="2" aria-hidden="true">
      <path className="edge edge--untaken" d="M0 1H20" />
    </svg>
  );
}

function Chosen({
  chosen,
  guest,
  full,
  graph,
  onEdit,
  onDuplicate,
  onRemove,
  onKeep,
}: PersonasPanelProps & { full: string | undefined }) {
  if (chosen === undefined) return null;
  const facts = flatten(chosen.test.customerAttributes ?? {});
  const branches = Object.entries(chosen.test.branches ?? {});
  const isGuest = chosen.id === guest?.id;
  return (
    <section className="sec sec--tight sec--over" aria-label={chosen.name}>
      <div className="sec-title">
        <h3 className="grow cut">{chosen.name}</h3>
        <Button small look="quiet" icon="pencil" onClick={onEdit}>
          {words.edit}
        </Button>
        {!isGuest && (
          <Menu
            label={say(words.moreOf, { name: chosen.name })}
            className="btn btn--s btn--icon btn--quiet"
            items={[
              ...(full ? [] : [{ icon: "copy" as const, label: words.duplicate, run: () => onDuplicate(chosen) }]),
              { icon: "trash", label: words.delete, bad: true, run: () => onRemove(chosen) },
            ]}
          >
            <Icon name="more" />
          </Menu>
        )}
      </div>
      {isGuest && (
        <>
          <p className="help">{words.customerHelp}</p>
          <div>
            <Button small icon="plus" onClick={onKeep} waits={full}>
              {words.keep}
            </Button>
          </div>
        </>
      )}
      <dl className="facts t2">
        {facts.slice(0, 30).map(({ path, value }) => (
          <Fact key={path} name={path} value={valueText(value)} />
        ))}
        {branches.map(([id, branch]) => {
          const node = graph.nodes.find((n) => n.id === id);
          return node ? (
            <Fact
              key={id}
              name={nameOf(node)}
              value={`${wayName(node, { handle: branch, name: branch })}, ${words.forced}`}
            />
          ) : null;
        })}
      </dl>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="clip">{value}</dd>
    </>
  );
}
