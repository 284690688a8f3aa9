import { useEffect, useRef } from "react";
import words from "#words/simulate";
import { nameOf, wayName } from "../../../graph/describe";
import { waysOf } from "../../../graph/ways";
import { isObject, type JsonObject } from "../../../json";
import { Problem } from "../../../problem";
import { useNames } from "../../../queries";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Segments, SelectField, TextField } from "../../../ui/field";
import { ConsentForm } from "./consent-form";
import { EventsForm } from "./events-form";
import { formatPath } from "./paths";
import type { Persona, PersonaTest } from "./personas";
import { eventTypesOf } from "./reads";
import { sample, withRead } from "./solve";
import { entryType, matchingEvent, missingReads, type Setting } from "./suggest";
import { JsonField, ValueRows } from "./value-rows";

interface PersonaFormProps {
  persona: Persona;
  setting: Setting;
  error: unknown;
  hint: string | undefined;
  onChange: (change: (persona: Persona) => Persona) => void;
  onDone: () => void;
}

/** The form of a persona. What is changed is simulated at once. */
export function PersonaForm({ persona, setting, error, hint, onChange, onDone }: PersonaFormProps) {
  const { test } = persona;
  const set = (change: (test: PersonaTest) => PersonaTest) => onChange((p) => ({ ...p, test: change(p.test) }));
  const faultOf = (pointer: string) => faultAt(error, pointer);
  const names = useNames().data;
  const form = useRef<HTMLElement>(null);
  useEffect(() => {
    form.current?.querySelector<HTMLInputElement>("input")?.select();
  }, []);
  const parts = { test, set, setting, faultOf };
  return (
    <aside className="panel panel--end" aria-label={say(words.editing, { name: persona.name })} ref={form}>
      <div className="panel-head">
        <h2 className="t4 grow cut">{say(words.editing, { name: persona.name })}</h2>
        <Button onClick={onDone}>{words.done}</Button>
      </div>
      <div className="panel-body scroll">
        <div className="sec">
          <p className="help">{words.personaHelp}</p>
          {hint && (
            <p className="help warn" role="status">
              {hint}
            </p>
          )}
          <TextField
            label={words.name}
            value={persona.name}
            maxLength={100}
            onChange={({ target }) => onChange((p) => ({ ...p, name: target.value }))}
          />
          <TextField
            label={words.note}
            value={persona.note ?? ""}
            maxLength={200}
            onChange={({ target }) =>
              onChange(({ note: _, ...p }) => (target.value ? { ...p, note: target.value } : p) as Persona)
            }
          />
        </div>
        <div className="sec">
          <ValueRows
            label={words.attributes}
            value={test.customerAttributes ?? {}}
            options={names?.attributes.map(({ path }) => path) ?? []}
            fault={faultOf("/customerAttributes")}
            onChange={(customerAttributes) => set((t) => ({ ...t, customerAttributes }))}
          />
          <p className="help">{words.valueHelp}</p>
          <Missing {...parts} />
        </div>
        <Entry {...parts} />
        <EventsForm
          events={test.events ?? []}
          types={[...new Set([...eventTypesOf(setting.work), ...(names?.eventTypes.map(({ name }) => name) ?? [])])]}
          propertiesOf={(type) =>
            names?.eventTypes.find(({ name }) => name === type)?.properties.map(({ path }) => path) ?? []
          }
          make={(type) => matchingEvent(setting.work, test, type, 1)}
          fault={faultOf("/events")}
          onChange={(events) => set(({ events: _, ...t }) => (events.length > 0 ? { ...t, events } : t) as PersonaTest)}
        />
        <ConsentForm test={test} set={set} graph={setting.work.definition} faultOf={faultOf} />
        <Chance {...parts} />
      </div>
    </aside>
  );
}

function faultAt(error: unknown, pointer: string): string | undefined {
  if (!(error instanceof Problem)) return undefined;
  const faults = error.faults.filter((fault) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`));
  return faults.length > 0
    ? faults.map(({ pointer: p, detail }) => `${p.slice(pointer.length + 1)} ${detail}`.trim()).join(" ")
    : undefined;
}

interface Part {
  test: PersonaTest;
  set: (change: (test: PersonaTest) => PersonaTest) => void;
  setting: Setting;
  faultOf: (pointer: string) => string | undefined;
}

/** What the journey reads and the persona has not, each a button that adds it. */
function Missing({ test, set, setting }: Part) {
  const missing = missingReads(setting, test).filter(({ source }) => source === "attribute");
  if (missing.length === 0) return null;
  return (
    <p className="help">
      {words.missingReads}
      {missing.slice(0, 12).map((read) => {
        const path = formatPath(read.names);
        return (
          <Button
            key={path}
            small
            look="quiet"
            aria-label={say(words.addRead, { name: path })}
            onClick={() => set((t) => withRead(t, read, sample(read.names)))}
          >
            <code>{path}</code>
          </Button>
        );
      })}
    </p>
  );
}

function Entry({ test, set, setting, faultOf }: Part) {
  const names = useNames().data;
  const { entryEvent } = test;
  const own = entryType(setting);
  const types = [...(own === undefined ? [] : [own]), ...(names?.eventTypes.map(({ name }) => name) ?? [])];
  const way = entryEvent ? "event" : "call";
  return (
    <div className="sec">
      <h3 className="sec-title">{words.entry}</h3>
      <Segments
        small
        label={words.entry}
        value={way}
        options={[
          ["event", words.entryByEvent],
          ["call", words.byCall],
        ]}
        onChange={(next) =>
          next !== way &&
          set(
            ({ entryEvent: _, ...t }) =>
              (next === "event" ? { ...t, entryEvent: { type: own ?? "event" } } : t) as PersonaTest,
          )
        }
      />
      {entryEvent && (
        <>
          <TextField
            label={words.type}
            value={entryEvent.type}
            options={[...new Set(types)]}
            fault={faultOf("/entryEvent/type")}
            onChange={({ target }) => set((t) => ({ ...t, entryEvent: { ...entryEvent, type: target.value } }))}
          />
          <ValueRows
            label={say(words.properties, { type: entryEvent.type })}
            value={entryEvent.properties ?? {}}
            options={
              names?.eventTypes.find(({ name }) => name === entryEvent.type)?.properties.map(({ path }) => path) ?? []
            }
            fault={faultOf("/entryEvent/properties")}
            onChange={(properties) => set((t) => ({ ...t, entryEvent: { ...entryEvent, properties } }))}
          />
        </>
      )}
      <TextField
        type="datetime-local"
        step={1}
        label={words.start}
        help={words.startHelp}
        value={localTime(test.now)}
        fault={faultOf("/now")}
        onChange={({ target }) =>
          set(({ now: _, ...t }) => {
            const at = new Date(target.value);
            return (Number.isNaN(at.getTime()) ? t : { ...t, now: at.toISOString() }) as PersonaTest;
          })
        }
      />
      <TextField
        label={words.customerId}
        help={words.customerIdHelp}
        value={test.customerId ?? ""}
        fault={faultOf("/customerId")}
        onChange={({ target }) =>
          set(({ customerId: _, ...t }) => (target.value ? { ...t, customerId: target.value } : t) as PersonaTest)
        }
      />
    </div>
  );
}

/** An instant as an input for local times writes it. */
function localTime(now: string | undefined): string {
  if (now === undefined || Number.isNaN(Date.parse(now))) return "";
  const at = new Date(now);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** The ways of random splits and the answers of decisions. */
function Chance({ test, set, setting, faultOf }: Part) {
  const { nodes, edges } = setting.work.definition;
  const splits = nodes.filter((node) => node.type === "random_split");
  const decisions = nodes.filter((node) => node.type === "nba_decision");
  if (splits.length + decisions.length === 0) return null;
  return (
    <div className="sec">
      {splits.length > 0 && <h3 className="sec-title">{words.branches}</h3>}
      {splits.map((node) => (
        <SelectField
          key={node.id}
          label={nameOf(node)}
          value={test.branches?.[node.id] ?? ""}
          fault={faultOf(`/branches/${node.id}`)}
          options={[
            ["", say(words.byId, { id: test.customerId ?? "test" })] as const,
            ...waysOf(node, edges).map((way) => [way.handle ?? "", wayName(node, way)] as const),
          ]}
          onChange={({ target }) => set((t) => withBranch(t, node.id, target.value))}
        />
      ))}
      {decisions.length > 0 && <h3 className="sec-title">{words.decisions}</h3>}
      {decisions.map((node) => (
        <JsonField
          key={node.id}
          hideLabel={false}
          label={nameOf(node)}
          help={words.answerHelp}
          value={answerOf(test, node.id)}
          onChange={(answer) => set((t) => ({ ...t, decisions: { ...t.decisions, [node.id]: answer } }))}
        />
      ))}
    </div>
  );
}

/** What a persona's decision answers. */
export function answerOf(test: PersonaTest, id: string): JsonObject {
  const answer = test.decisions?.[id];
  return isObject(answer) ? answer : {};
}

/** Returns the test with a random split forced; "" leaves it to chance. */
export function withBranch(test: PersonaTest, id: string, branch: string): PersonaTest {
  const { [id]: _, ...others } = test.branches ?? {};
  return { ...test, branches: branch === "" ? others : { ...others, [id]: branch } };
}
