import { useState } from "react";
import words from "#words/condition";
import { isObject, type Json, type JsonObject, parse, scalarText } from "../json";
import { say } from "../say";
import { Button, IconButton } from "../ui/button";
import { FaultLine } from "../ui/field";
import { Icon } from "../ui/icon";
import { Menu, type MenuItem } from "../ui/menu";
import type { Editing } from "./builder";
import {
  append,
  countLeaves,
  duplicate,
  editLeaf,
  type Form,
  type Group,
  type Leaf,
  missingIn,
  newEvent,
  newGroup,
  newTest,
  type Row,
  replace,
} from "./rows";
import { explain, textOf } from "./sentence";
import { EventMoment, operatorOf, operatorsFor, TestValue, withOperator } from "./value";
import { type Kind, kindFor } from "./values";

const week = { value: 7, unit: "days" };
const forms: readonly (readonly [Form, string])[] = [
  ["all", words.groupAll],
  ["any", words.groupAny],
  ["none", words.groupNone],
  ["notAll", words.groupNotAll],
];

interface GroupProps {
  group: Group;
  /** The group around it; null for the whole condition. */
  parent: Group | null;
  depth: number;
  editing: Editing;
}

/** A group with its lines, and what can be added to it. */
export function GroupLines({ group, parent, depth, editing }: GroupProps) {
  const { root, edit } = editing;
  const form = group.form === "one" ? "all" : group.form === "notOne" ? "none" : group.form;
  const name = forms.find(([value]) => value === form)?.[1] ?? "";
  const setForm = (next: Form) => edit(replace(root, group.id, (row) => ({ ...(row as Group), form: next })));
  const below = depth + { one: 0, notOne: 1, all: 1, any: 1, none: 2, notAll: 2 }[group.form];
  const bare = group.rows.length === 0 && parent === null && group.form === "one";
  return (
    <div
      className={bare ? "col" : "cond-group"}
      role="group"
      aria-label={name}
      data-row={group.id}
      onKeyDown={(event) => parent !== null && moveBy(event, group.id, editing)}
    >
      {!bare && (
        <div className="cond-head">
          <select
            className="select cond-form"
            aria-label={words.group}
            value={form}
            onChange={(event) => event.target.value !== form && setForm(event.target.value as Form)}
          >
            {forms.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
          <span className="grow">{form === "all" || form === "notAll" ? words.areTrue : words.isTrue}</span>
          <Menu
            label={words.groupMenu}
            items={menuOf(group, parent, editing)}
            className="btn btn--icon btn--quiet btn--s"
          >
            <Icon name="more" />
          </Menu>
        </div>
      )}
      <Faults texts={editing.faultsOf(group.id)} />
      {group.rows.length === 0 && <p className="help">{words.empty}</p>}
      {group.rows.map((row) =>
        row.kind === "group" ? (
          <GroupLines key={row.id} group={row} parent={group} depth={below} editing={editing} />
        ) : (
          <Line key={row.id} leaf={row} parent={group} editing={editing} />
        ),
      )}
      <Adding group={group} below={below} editing={editing} />
    </div>
  );
}

function menuOf(group: Group, parent: Group | null, { root, edit, move, remove: take }: Editing): MenuItem[] {
  if (parent === null) {
    return [{ icon: "trash", label: words.remove, bad: true, run: () => edit(newGroup("one")) }];
  }
  return [
    { icon: "chevron-up", label: words.moveUp, run: () => move(group.id, -1) },
    { icon: "chevron-down", label: words.moveDown, run: () => move(group.id, 1) },
    { icon: "copy", label: words.duplicate, run: () => edit(duplicate(root, group.id)) },
    null,
    { icon: "trash", label: words.remove, bad: true, run: () => take(group.id, parent) },
  ];
}

function moveBy(event: React.KeyboardEvent, id: number, { move }: Editing) {
  if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  event.preventDefault();
  event.stopPropagation();
  move(id, event.key === "ArrowUp" ? -1 : 1);
}

function Adding({ group, below, editing }: { group: Group; below: number; editing: Editing }) {
  const { root, edit, context } = editing;
  const leaves = context.limits?.maxConditionLeaves ?? 64;
  const levels = context.limits?.maxConditionDepth ?? 8;
  const full = countLeaves(root) >= leaves ? say(words.tooMany, { n: leaves }) : undefined;
  // A line alone gets a group around it, which is one level more.
  const level = group.form === "one" ? below + 1 : below;
  const deep = level + 1 > levels ? say(words.tooDeep, { n: levels }) : undefined;
  const add = (row: Row, focus: Row) => edit(append(root, group.id, row), focus.id);
  const addGroup = () => {
    const line = newTest();
    add(newGroup(group.form === "any" ? "all" : "any", [line]), line);
  };
  return (
    <div className="row row--1 row--wrap">
      <Button
        small
        look="quiet"
        icon="plus"
        data-add={group.id}
        waits={full}
        aria-label={words.addLine}
        onClick={() => {
          const line = newTest();
          add(line, line);
        }}
      >
        {words.line}
      </Button>
      <Button
        small
        look="quiet"
        icon="plus"
        waits={full}
        aria-label={words.addEvent}
        onClick={() => {
          const line = newEvent(context.atEntry ? week : "entry");
          add(line, line);
        }}
      >
        {words.event}
      </Button>
      <Button small look="quiet" icon="plus" waits={full ?? deep} aria-label={words.addGroup} onClick={addGroup}>
        {words.group}
      </Button>
    </div>
  );
}

function Line({ leaf, parent, editing }: { leaf: Leaf; parent: Group; editing: Editing }) {
  const { root, edit } = editing;
  const change = (json: Json) => edit(replace(root, leaf.id, () => editLeaf(leaf, json)));
  const missing = missingIn(leaf);
  const faults = editing.faultsOf(leaf.id);
  const json = isObject(leaf.json) ? leaf.json : {};
  return (
    <div
      role="group"
      aria-label={textOf(explain(leaf.json))}
      data-row={leaf.id}
      onKeyDown={(event) => moveBy(event, leaf.id, editing)}
    >
      <div className={leaf.kind === "test" ? "cond-row" : "cond-row cond-row--wide"}>
        {leaf.kind === "test" && <Test json={json} change={change} editing={editing} invalid={faults.length > 0} />}
        {leaf.kind === "event" && <EventLine json={json} change={change} editing={editing} />}
        {leaf.kind === "raw" && <Raw json={leaf.json} change={change} />}
        <IconButton small icon="close" label={words.removeLine} onClick={() => editing.remove(leaf.id, parent)} />
      </div>
      <Faults texts={faults} />
      {missing !== undefined && (
        <p className="help">
          {needs(missing, json)} {words.notSaved}
        </p>
      )}
    </div>
  );
}

function needs(missing: NonNullable<ReturnType<typeof missingIn>>, json: JsonObject): string {
  if (missing === "field") return json["field"] === "" ? words.needsField : words.needsPath;
  return { value: words.needsValue, event: words.needsEvent, period: words.needsPeriod }[missing];
}

function Faults({ texts }: { texts: readonly string[] }) {
  return texts.map((text) => <FaultLine key={text} text={text} />);
}

interface LineProps {
  json: JsonObject;
  change: (json: JsonObject) => void;
  editing: Editing;
  invalid?: boolean;
}

function Test({ json, change, editing, invalid }: LineProps) {
  const field = scalarText(json["field"]);
  const name = editing.names.get(field) ?? editing.names.get(field.replace(/^attributes\./, ""));
  const kind: Kind = kindFor(name?.kind, Array.isArray(json["value"]) ? json["value"][0] : json["value"]);
  const operator = operatorOf(json);
  const dated = kind === "date" || (name === undefined && typeof json["value"] === "string" && operator !== "eq");
  const labels: Record<string, string> = dated ? { ...words.ops, ...words.dateOps } : words.ops;
  return (
    <>
      <input
        className="input input--mono"
        aria-label={words.field}
        aria-invalid={invalid || undefined}
        autoComplete="off"
        spellCheck={false}
        list={editing.lists.names}
        value={field}
        onChange={(event) => change({ ...json, field: event.target.value })}
      />
      <select
        className="select"
        aria-label={words.operator}
        value={operator}
        disabled={field === ""}
        onChange={(event) => change(withOperator(json, event.target.value))}
      >
        {operatorsFor(name?.kind, operator).map((one) => (
          <option key={one} value={one}>
            {labels[one]}
          </option>
        ))}
      </select>
      <TestValue json={json} kind={kind} graph={editing.context.graph} disabled={field === ""} change={change} />
    </>
  );
}

function EventLine({ json, change, editing }: LineProps) {
  return (
    <>
      <input
        className="input input--mono"
        aria-label={words.event}
        autoComplete="off"
        spellCheck={false}
        list={editing.lists.events}
        value={scalarText(json["event"])}
        onChange={(event) => change({ ...json, event: event.target.value })}
      />
      <EventMoment
        since={json["since"]}
        periodOnly={editing.context.atEntry === true && json["since"] !== "entry"}
        onChange={(since) => change({ ...json, since })}
      />
    </>
  );
}

function Raw({ json, change }: { json: Json; change: (json: Json) => void }) {
  const [text, setText] = useState(() => JSON.stringify(json));
  const [bad, setBad] = useState(false);
  return (
    <textarea
      className="input input--area input--mono cond-raw"
      aria-label={words.raw}
      title={words.raw}
      aria-invalid={bad || undefined}
      rows={2}
      spellCheck={false}
      value={text}
      onChange={(event) => {
        setText(event.target.value);
        try {
          change(parse(event.target.value));
          setBad(false);
        } catch {
          setBad(true);
        }
      }}
    />
  );
}
