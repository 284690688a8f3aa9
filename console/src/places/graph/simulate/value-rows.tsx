import { useId, useState } from "react";
import { flushSync } from "react-dom";
import words from "#words/simulate";
import { type JsonObject, same } from "../../../json";
import { say } from "../../../say";
import { Button, IconButton } from "../../../ui/button";
import { FaultLine, TextArea } from "../../../ui/field";
import { parsePath } from "./paths";
import { objectOf, type Row, readObject, rowsOf } from "./values";

interface ValueRowsProps {
  label: string;
  value: JsonObject;
  onChange: (value: JsonObject) => void;
  /** Names to complete. */
  options?: readonly string[];
  fault?: string | undefined;
}

/** Attributes or properties: rows of a name and a value, or the whole as JSON. */
export function ValueRows({ label, value, onChange, options = [], fault }: ValueRowsProps) {
  const [json, setJson] = useState(false);
  const id = useId();
  return (
    <fieldset className="col gap-2" aria-describedby={fault === undefined ? undefined : `${id}-fault`}>
      <div className="row">
        <legend className="label grow">{label}</legend>
        <Button small look="quiet" onClick={() => setJson(!json)}>
          {json ? words.asRows : words.asJson}
        </Button>
      </div>
      {json ? (
        <JsonField label={label} value={value} onChange={onChange} />
      ) : (
        <Rows label={label} value={value} onChange={onChange} options={options} id={id} />
      )}
      <FaultLine id={`${id}-fault`} text={fault} />
    </fieldset>
  );
}

function Rows({ label, value, onChange, options = [], id }: ValueRowsProps & { id: string }) {
  const [typed, setTyped] = useState<Row[]>(() => rowsOf(value));
  // What is typed stays as it is typed, unless the value was changed elsewhere, such as by undo.
  const rows = same(objectOf(typed), value) ? typed : rowsOf(value);
  const change = (next: Row[]) => {
    setTyped(next);
    onChange(objectOf(next));
  };
  const edit = (i: number, part: Partial<Row>) => change(rows.map((row, k) => (k === i ? { ...row, ...part } : row)));
  return (
    <>
      <datalist id={`${id}-paths`}>
        {options.map((option) => (
          <option key={option} value={option} />
        ))}
      </datalist>
      {rows.map((row, i) => {
        const bad = row.path.trim() !== "" && parsePath(row.path.trim()) === undefined;
        const name = row.path || say(words.path);
        return (
          <div key={i} className="rows">
            <input
              className="input input--mono"
              aria-label={`${label} ${i + 1}: ${words.path}`}
              aria-invalid={bad || undefined}
              title={bad ? words.badPath : undefined}
              list={`${id}-paths`}
              autoComplete="off"
              spellCheck={false}
              value={row.path}
              onChange={(event) => edit(i, { path: event.target.value })}
            />
            <input
              className="input"
              aria-label={say("{name}: {value}", { name, value: words.value })}
              autoComplete="off"
              value={row.text}
              onChange={(event) => edit(i, { text: event.target.value })}
            />
            <IconButton
              small
              icon="close"
              label={say(words.removeRow, { name })}
              onClick={() => change(rows.filter((_, k) => k !== i))}
            />
          </div>
        );
      })}
      <div>
        <Button
          small
          icon="plus"
          onClick={({ currentTarget }) => {
            const list = currentTarget.closest("fieldset");
            flushSync(() => setTyped([...rows, { path: "", text: "" }]));
            [...(list?.querySelectorAll<HTMLElement>(".rows .input--mono") ?? [])].at(-1)?.focus();
          }}
        >
          {words.addRow}
        </Button>
      </div>
    </>
  );
}

interface JsonFieldProps {
  label: string;
  value: JsonObject;
  onChange: (value: JsonObject) => void;
  help?: string;
  hideLabel?: boolean;
}

/** An object as JSON. It changes the value as soon as the text is an object. */
export function JsonField({ label, value, onChange, help, hideLabel = true }: JsonFieldProps) {
  const [text, setText] = useState(() => write(value));
  const typed = readObject(text);
  const shown = typed !== undefined && !same(typed, value) ? write(value) : text;
  return (
    <TextArea
      label={label}
      hideLabel={hideLabel}
      mono
      rows={Math.min(12, Math.max(3, shown.split("\n").length))}
      value={shown}
      {...(help === undefined ? {} : { help })}
      fault={typed === undefined ? words.badJson : undefined}
      onChange={(next) => {
        setText(next);
        const object = readObject(next);
        if (object !== undefined) onChange(object);
      }}
    />
  );
}

function write(value: JsonObject): string {
  return Object.keys(value).length === 0 ? "" : JSON.stringify(value, null, 2);
}
