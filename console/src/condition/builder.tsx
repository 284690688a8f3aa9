import { useEffect, useId, useMemo, useRef, useState } from "react";
import words from "#words/condition";
import { InexactNumber, isObject, type Json, type JsonObject, parse } from "../json";
import type { Fault } from "../problem";
import { rich, say } from "../say";
import { Segments, TextArea } from "../ui/field";
import "../style/forms.css";
import { GroupLines } from "./lines";
import { type Context, eventTypesOf, type Name, namesAt } from "./names";
import { type Group, move, pointersOf, read, remove, sameCondition, write } from "./rows";
import { Said } from "./said";
import { explain } from "./sentence";

interface Props {
  label: string;
  /** The condition; null for none. */
  value: JsonObject | null;
  onChange: (value: JsonObject | null) => void;
  context: Context;
  /** Faults of the API, by pointer into the condition. */
  faults?: readonly Fault[];
  /** Leaves out the sentence, where one stands elsewhere. */
  silent?: boolean;
}

/** What the lines of a builder share. */
export interface Editing {
  root: Group;
  context: Context;
  names: ReadonlyMap<string, Name>;
  /** The ids of the lists of names and of event types. */
  lists: { names: string; events: string };
  /** Changes the tree. Then the row gets the focus, or if it is a group the button that adds a line to it. */
  edit: (root: Group, focus?: number) => void;
  move: (id: number, step: 1 | -1) => void;
  remove: (id: number, parent: Group) => void;
  faultsOf: (id: number) => string[];
}

/** Edits a condition by lines and groups, or as JSON. */
export function ConditionBuilder(props: Props) {
  const { label, value, silent } = props;
  const [view, setView] = useState<"lines" | "json">("lines");
  return (
    <div className="cond" role="group" aria-label={label}>
      <div className="row">
        <span className="label grow">{label}</span>
        <Segments
          small
          label={`${label}: ${words.view}`}
          value={view}
          options={[
            ["lines", words.lines],
            ["json", words.json],
          ]}
          onChange={setView}
        />
      </div>
      {view === "lines" ? <Lines {...props} /> : <JsonView {...props} />}
      {value !== null && !silent && (
        <p className="sentence" aria-live="polite">
          {rich(words.truth, { condition: <Said parts={explain(value)} /> })}
        </p>
      )}
    </div>
  );
}

function Lines({ value, onChange, context, faults = [] }: Props) {
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const [state, setState] = useState(() => ({ root: read(value), written: value as Json }));
  const focus = useFocus(box);
  let { root } = state;
  if (!sameCondition(state.written, value)) {
    root = read(value); // changed from elsewhere, such as by undo
    setState({ root, written: value });
  }
  const edit = (next: Group, at?: number) => {
    const written = write(next) ?? null;
    if (at !== undefined) focus.on(at);
    setState({ root: next, written });
    if (!sameCondition(written, value)) onChange(written as JsonObject | null);
  };
  const { names: seen, graph, nodeId, entryEvent, ownEvent, atEntry } = context;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the context is made anew with each render; its parts are not.
  const names = useMemo(
    () => new Map(namesAt(context).map((name) => [name.path, name])),
    [seen, graph, nodeId, entryEvent, ownEvent, atEntry],
  );
  const pointers = pointersOf(root);
  const editing: Editing = {
    root,
    context,
    names,
    lists: { names: `${id}-names`, events: `${id}-events` },
    edit,
    move: (row, step) => {
      focus.keep(row);
      edit(move(root, row, step));
    },
    remove: (row, parent) => {
      const at = parent.rows.findIndex((one) => one.id === row);
      const next = parent.rows[at + 1] ?? parent.rows[at - 1] ?? parent;
      edit(remove(root, row), next.id);
    },
    faultsOf: (row) => {
      const pointer = pointers.get(row);
      return faults.filter((fault) => belongsTo(fault.pointer, pointer, pointers)).map(({ detail }) => detail);
    },
  };
  return (
    <div ref={box} className="col gap-2">
      <GroupLines group={root} parent={null} depth={0} editing={editing} />
      <datalist id={editing.lists.names}>
        {[...names.values()].map(({ path, kind, of }) => (
          <option key={path} value={path} label={kind ? `${words.kinds[kind]}, ${of}` : of} />
        ))}
      </datalist>
      <datalist id={editing.lists.events}>
        {eventTypesOf(seen).map((type) => (
          <option key={type} value={type} />
        ))}
      </datalist>
    </div>
  );
}

/** Whether a row is the innermost one that holds what a fault points to. */
function belongsTo(pointer: string, row: string | undefined, pointers: ReadonlyMap<number, string>): boolean {
  if (row === undefined || !holds(row, pointer)) return false;
  return ![...pointers.values()].some((other) => other.length > row.length && holds(other, pointer));
}

function holds(row: string, pointer: string): boolean {
  return pointer === row || pointer.startsWith(`${row}/`);
}

/** Moves the focus after a change of the tree: to a row, or to where it was in a row that moved. */
function useFocus(box: React.RefObject<HTMLDivElement | null>) {
  const wanted = useRef<{ id: number; at: number } | null>(null);
  const controlsOf = (id: number) => {
    const row = box.current?.querySelector(`[data-row="${id}"]`);
    return row ? [...row.querySelectorAll<HTMLElement>("input, select, textarea, button")] : [];
  };
  useEffect(() => {
    if (!wanted.current) return;
    const { id, at } = wanted.current;
    wanted.current = null;
    const group = box.current?.querySelector<HTMLElement>(`[data-add="${id}"]`);
    (at < 0 && group ? group : controlsOf(id)[Math.max(0, at)])?.focus();
  });
  return {
    on: (id: number) => {
      wanted.current = { id, at: -1 };
    },
    keep: (id: number) => {
      wanted.current = { id, at: controlsOf(id).indexOf(document.activeElement as HTMLElement) };
    },
  };
}

function JsonView({ label, value, onChange, faults = [] }: Props) {
  const [typed, setTyped] = useState<{ text: string; value: Json }>();
  const current = typed !== undefined && sameCondition(typed.value, value) ? typed.text : show(value);
  const result = readJson(current);
  const change = (text: string) => {
    const next = readJson(text);
    setTyped({ text, value: "fault" in next ? value : next.value });
    if (!("fault" in next) && !sameCondition(next.value, value)) onChange(next.value);
  };
  return (
    <TextArea
      label={label}
      hideLabel
      mono
      rows={Math.min(24, Math.max(6, current.split("\n").length + 1))}
      value={current}
      fault={
        "fault" in result
          ? result.fault
          : faults.map(({ pointer, detail }) => `${pointer} ${detail}`).join(" ") || undefined
      }
      onChange={change}
    />
  );
}

function show(value: JsonObject | null): string {
  return value === null ? "" : JSON.stringify(value, null, 2);
}

/** Reads a condition as JSON; nothing is no condition. */
export function readJson(text: string): { value: JsonObject | null } | { fault: string } {
  if (text.trim() === "") return { value: null };
  try {
    const value = parse(text);
    return isObject(value) ? { value } : { fault: words.objectFault };
  } catch (error) {
    return {
      fault: error instanceof InexactNumber ? say(words.inexactFault, { n: error.message }) : words.rawFault,
    };
  }
}
