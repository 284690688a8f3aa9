import { useMemo, useState } from "react";
import words from "#words/simulate";
import type { Schemas } from "../../../api";
import { Canvas } from "../../../graph/canvas";
import { nameOf, wayName } from "../../../graph/describe";
import type { Editor } from "../../../graph/editor";
import type { Json } from "../../../json";
import { useKeys } from "../../../keys";
import { useSettings } from "../../../queries";
import { href, replaceQuery } from "../../../route";
import { say } from "../../../say";
import { store, useStore } from "../../../store";
import { Button, LinkButton } from "../../../ui/button";
import { Empty } from "../../../ui/states";
import { outline, useSelected } from "../selected";
import { SimulateBar } from "./bar";
import { type Coverage, coverageOf, type Line, type Result } from "./coverage";
import { simulateKeys } from "./keys";
import { Findings, Legend } from "./legend";
import { PersonaForm } from "./persona-form";
import { entryOf, maxPersonas, type Persona, type PersonaTest } from "./personas";
import { PersonasPanel } from "./personas-panel";
import { StepPanel } from "./step-panel";
import { type Setting, suggestTest, testFor } from "./suggest";
import { TimeSection } from "./time-section";
import { useGuest } from "./use-guest";
import { type Personas, usePersonas } from "./use-personas";
import { type Run, useRuns } from "./use-runs";
import { useWay } from "./use-way";
import "../../../style/simulate.css";

interface SimulateProps {
  editor: Editor;
  journey: Schemas["Journey"];
}

/** The mode simulate: made-up people on the graph as it is edited. Nothing is sent and no customer moves. */
export default function Simulate({ editor, journey }: SimulateProps) {
  const personas = usePersonas(editor);
  if (entryOf(editor.work.definition) === undefined) return <WithoutEntry editor={editor} journey={journey} />;
  return <Simulation editor={editor} journey={journey} personas={personas} />;
}

function WithoutEntry({ editor, journey }: SimulateProps) {
  return (
    <>
      <SimulateBar editor={editor} journey={journey} coverage={undefined} />
      <main id="main" className="work" tabIndex={-1}>
        <Empty title={words.noEntry}>
          <p className="dim">{words.noEntryDetail}</p>
          <LinkButton look="primary" href={href({ name: "graph", journey: editor.journeyId, mode: "build" })}>
            {words.toBuild}
          </LinkButton>
        </Empty>
      </main>
    </>
  );
}

function Simulation({ editor, journey, personas }: SimulateProps & { personas: Personas }) {
  const graph = editor.work.definition;
  const setting = useSetting(editor, journey);
  const guest = useGuest(setting);
  const everyone = useMemo(
    () => (guest.persona ? [guest.persona, ...personas.list] : personas.list),
    [guest.persona, personas.list],
  );
  const runs = useRuns(editor.journeyId, editor.work, everyone);
  const [chosenId, choose] = useState<string>();
  const [editing, setEditing] = useState(false);
  const [wish, setWish] = useState<{ id: string; line: Line } | null>(null);
  const [playhead] = useState(() => store(0));
  const chosen = everyone.find(({ id }) => id === chosenId) ?? everyone[0];
  const run = chosen && runs.get(chosen.id);
  const results = useMemo(() => resultsOf(personas.list, runs), [personas.list, runs]);
  const coverage = useMemo(() => coverageOf(graph, results), [graph, results]);
  const [selected, select] = useSelected();
  const way = useWay({ graph, run, coverage, chosen, playhead, selected });
  const add = (test: PersonaTest) => {
    choose(personas.add(undefined, test));
  };
  const change = (edit: (persona: Persona) => Persona, label?: string, series?: string) => {
    if (chosen === undefined) return;
    if (chosen.id === guest.persona?.id) guest.change(edit);
    else personas.update(chosen.id, edit, label, series);
  };
  const changeTest = (edit: (test: PersonaTest) => PersonaTest, label?: string, series?: string) =>
    change((persona) => ({ ...persona, test: edit(persona.test) }), label, series);
  const send = (line: Line) => {
    const target = graph.nodes.find(({ id }) => id === line.target);
    const base = chosen && chosen.id !== guest.persona?.id ? chosen.test : suggestTest(setting);
    const way = wayName(line.node, line.way);
    const step = target ? nameOf(target) : line.target;
    const name = way === "" ? say(words.toWay, { step }) : say(words.byWay, { step: nameOf(line.node), way });
    const id = personas.add(name, testFor(setting, line, base));
    choose(id);
    setWish({ id, line });
    focusChosen();
  };
  const first = () => {
    add(suggestTest(setting));
    focusChosen();
  };
  const make = () => {
    add(suggestTest(setting));
    setEditing(true);
  };
  const hint = wishText(wish, chosen, run, coverage, graph.nodes);
  const outlined = useStore(outline);
  useKeys(simulateKeys, {
    create: () => personas.list.length < maxPersonas && make(),
    undo: () => editor.undoes !== null && editor.undo(),
    redo: () => editor.redoes !== null && editor.redo(),
  });
  return (
    <>
      <SimulateBar editor={editor} journey={journey} coverage={personas.list.length > 0 ? coverage : undefined} />
      <main id="main" className={chosen ? "work work--sim" : "work work--sim work--start"} tabIndex={-1}>
        <PersonasPanel
          personas={personas.list}
          runs={runs}
          graph={graph}
          coverage={coverage}
          chosen={chosen}
          guest={guest.persona}
          onChoose={choose}
          onNew={make}
          onSend={send}
          onEdit={() => setEditing(true)}
          onDuplicate={(persona) => {
            choose(personas.duplicate(persona));
            focusChosen();
          }}
          onRemove={(persona) => {
            personas.remove(persona);
            setEditing(false);
            focusChosen();
          }}
          onKeep={() => {
            if (guest.persona) add(guest.made());
            replaceQuery({ customer: undefined });
            setEditing(true);
          }}
        />
        <div className="middle">
          <div className="col canvas-frame">
            <Findings runs={run ? [run] : []} journeyId={editor.journeyId} />
            <Canvas
              graph={graph}
              overlays={way.overlays}
              selected={way.aside?.id ?? null}
              onSelect={(id) => {
                select(id);
                if (id !== null) way.goTo(id);
              }}
              outline={outlined}
            >
              {chosen && <Legend />}
            </Canvas>
          </div>
          {chosen ? (
            <TimeSection
              graph={graph}
              persona={chosen}
              result={run?.result}
              timeline={way.timeline}
              playhead={playhead}
              work={editor.work}
              onChange={changeTest}
              onEdit={() => setEditing(true)}
            />
          ) : (
            <StartCard onFirst={first} loading={guest.loading} />
          )}
        </div>
        {chosen && editing ? (
          <PersonaForm
            key={chosen.id}
            persona={chosen}
            setting={setting}
            error={run?.error}
            hint={hint}
            onChange={change}
            onDone={() => {
              setEditing(false);
              focusChosen();
            }}
          />
        ) : (
          chosen && (
            <StepPanel
              persona={chosen}
              run={run}
              graph={graph}
              timeline={way.timeline}
              coverage={coverage}
              playhead={playhead}
              aside={way.aside}
              whoComes={(id) => whoComes(id, personas.list, runs)}
              hint={hint}
              onEdit={() => setEditing(true)}
              onChange={changeTest}
            />
          )
        )}
      </main>
    </>
  );
}

/** Puts the focus on the chosen persona once it is drawn, or on the way to the first. */
function focusChosen() {
  setTimeout(() => document.querySelector<HTMLElement>("[role=option][aria-selected=true], .start-card .btn")?.focus());
}

function useSetting(editor: Editor, journey: Schemas["Journey"]): Setting {
  const settings = useSettings().data;
  return useMemo(
    () => ({
      work: editor.work,
      entryCondition: journey.entryCondition as Json,
      addressOf: (channel) =>
        settings?.channels.find(({ name }) => name === channel)?.address ?? { email: "email", sms: "phone" }[channel],
    }),
    [editor.work, journey.entryCondition, settings],
  );
}

function resultsOf(personas: readonly Persona[], runs: ReadonlyMap<string, Run>): Result[] {
  return personas.flatMap(({ id }) => runs.get(id)?.result ?? []);
}

function whoComes(id: string, personas: readonly Persona[], runs: ReadonlyMap<string, Run>): string[] {
  return personas
    .filter((persona) => runs.get(persona.id)?.result?.trace.some(({ nodeId }) => nodeId === id))
    .map(({ name }) => name);
}

/** Says what is missing where a persona was made for a line and does not take it. */
function wishText(
  wish: { id: string; line: Line } | null,
  chosen: Persona | undefined,
  run: Run | undefined,
  coverage: Coverage,
  nodes: Editor["work"]["definition"]["nodes"],
): string | undefined {
  if (wish === null || chosen?.id !== wish.id || run?.result === undefined || run.busy) return undefined;
  if (coverage.taken.has(wish.line.key)) return undefined;
  const target = nodes.find(({ id }) => id === wish.line.target);
  return say(words.wish, { name: chosen.name, step: target ? nameOf(target) : wish.line.target });
}

/** Shown while there are no personas: says what they are and makes the first one. */
function StartCard({ onFirst, loading }: { onFirst: () => void; loading: boolean }) {
  return (
    <section className="start-card" aria-label={words.personas}>
      <div className="grow">
        <h2 className="t4">{words.firstTitle}</h2>
        <p className="dim">{loading ? words.customerLoading : words.firstDetail}</p>
      </div>
      <Button look="primary" icon="plus" onClick={onFirst}>
        {words.first}
      </Button>
    </section>
  );
}
