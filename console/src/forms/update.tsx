import conditionWords from "#words/condition";
import words from "#words/forms";
import { attributesOf, type Name } from "../condition/names";
import { isPath } from "../condition/rows";
import { type Typed, useTyped } from "../condition/typed";
import { type Kind, kindFor, readValue, showValue } from "../condition/values";
import { isExact, type Json, type JsonObject, parseNumber, scalarText } from "../json";
import { say } from "../say";
import { IconButton } from "../ui/button";
import { TextField } from "../ui/field";
import { faultAt, Text } from "./fields";
import { objectOf, type StepForm } from "./form";
import { replaceKey, withKey } from "./keys";
import { PathList } from "./message";
import { JsonField, placeholderFault } from "./payload";
import { NewItem } from "./rule";

/** The form of a change of attributes. */
export function UpdateForm(form: StepForm) {
  const { config, context, faults, set } = form;
  const names = attributesOf(context.names);
  const sets = objectOf(config["set"]) ?? {};
  const adds = objectOf(config["add"]) ?? {};
  const kindOf = (path: string): Kind => names.find((name) => name.path === path.replace(/^attributes\./, ""))?.kind;
  const change = (key: "set" | "add") => (next: JsonObject) =>
    set(key, Object.keys(next).length === 0 ? undefined : next);
  return (
    <>
      <div className="sec">
        <h3 className="sec-title">{words.set}</h3>
        <Rows at="/set" rows={sets} names={names} faults={faults} change={change("set")}>
          {(path, value, edit) => (
            <SetValue
              path={path}
              value={value}
              kind={kindOf(path)}
              fault={faultAt(faults, pointerOf("/set", path))}
              onChange={edit}
            />
          )}
        </Rows>
        <NewItem
          label={words.newSet}
          options={names.map(({ path }) => path)}
          check={(path) => checkNew(path, sets)}
          onAdd={(path) => set("set", { ...sets, [path]: firstValue(kindOf(path)) })}
        />
      </div>
      <div className="sec">
        <h3 className="sec-title">{words.add}</h3>
        <Rows at="/add" rows={adds} names={names} faults={faults} change={change("add")}>
          {(path, value, edit) => (
            <AddValue path={path} value={value} fault={faultAt(faults, pointerOf("/add", path))} onChange={edit} />
          )}
        </Rows>
        <NewItem
          label={words.newAdd}
          options={names.filter(({ kind }) => kind === "number" || kind === undefined).map(({ path }) => path)}
          check={(path) => checkNew(path, adds)}
          onAdd={(path) => set("add", { ...adds, [path]: 1 })}
        />
      </div>
      <div className="sec">
        <PathList
          label={words.unset}
          paths={config["unset"]}
          options={names.map(({ path }) => path)}
          fault={faultAt(faults, "/unset")}
          onChange={(paths) => set("unset", paths)}
        />
      </div>
    </>
  );
}

function pointerOf(base: string, key: string): string {
  return `${base}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function checkNew(path: string, rows: JsonObject): string | undefined {
  if (!isPath(path)) return words.needsPath;
  return path in rows ? words.nameTaken : undefined;
}

function firstValue(kind: Kind): Json {
  return kind === "number" ? 0 : kind === "boolean" ? true : "";
}

interface RowsProps {
  at: string;
  rows: JsonObject;
  names: readonly Name[];
  faults: StepForm["faults"];
  change: (rows: JsonObject) => void;
  children: (path: string, value: Json | undefined, edit: (value: Json | undefined) => void) => React.ReactNode;
}

/** A line for each attribute: its name, its value, and a button to remove it. */
function Rows({ rows, names, change, children }: RowsProps) {
  return Object.entries(rows).map(([path, value], i) => (
    <div key={i} className="change">
      <Text
        label={words.attribute}
        hideLabel
        mono
        max={256}
        required={conditionWords.needsField}
        check={(next) => (next === path ? undefined : checkNew(next, rows))}
        options={names.map((name) => name.path)}
        value={path}
        onChange={(next) => change(replaceKey(rows, path, scalarText(next), value))}
      />
      {children(path, value, (next) => change({ ...rows, [path]: next }))}
      <IconButton
        small
        icon="close"
        label={say(words.removeThis, { name: path })}
        onClick={() => change(withKey(rows, path, undefined))}
      />
    </div>
  ));
}

interface ValueProps {
  path: string;
  value: Json | undefined;
  kind?: Kind;
  fault: string | undefined;
  onChange: (value: Json | undefined) => void;
}

function SetValue({ path, value, kind, fault, onChange }: ValueProps) {
  const label = say(words.valueOf, { name: path });
  const scalar = value === undefined || typeof value !== "object" || isExact(value);
  return scalar ? (
    <SetScalar path={path} value={value} kind={kindFor(kind, value)} fault={fault} onChange={onChange} />
  ) : (
    <JsonField label={label} value={value} fault={fault} rows={3} onChange={onChange} />
  );
}

function SetScalar({ path, value, kind, fault, onChange }: ValueProps) {
  const read = (text: string): Typed => {
    const is = text === "" ? { value: "" } : readValue(text, kind === "boolean" ? undefined : kind);
    if ("fault" in is) return { fault: conditionWords.needsNumber };
    const wrong = typeof is.value === "string" ? placeholderFault(is.value) : undefined;
    return wrong === undefined ? is : { fault: wrong };
  };
  const show = (shown: Json | undefined) => (shown === "" ? "" : showValue(shown, kind));
  const typed = useTyped(value, show, read, onChange);
  return (
    <TextField
      label={say(words.valueOf, { name: path })}
      hideLabel
      value={typed.text}
      fault={typed.fault ?? fault}
      onChange={(event) => typed.change(event.target.value)}
    />
  );
}

function AddValue({ path, value, fault, onChange }: ValueProps) {
  const read = (text: string): Typed => {
    const number = parseNumber(text.trim());
    return number === undefined ? { fault: conditionWords.needsNumber } : { value: number };
  };
  const typed = useTyped(value, scalarText, read, onChange);
  return (
    <TextField
      label={say(words.numberFor, { name: path })}
      hideLabel
      inputMode="decimal"
      value={typed.text}
      fault={typed.fault ?? fault}
      onChange={(event) => typed.change(event.target.value)}
    />
  );
}
