import { useId, useRef, useState } from "react";
import words from "#words/forms";
import { placeholdersAt } from "../condition/names";
import { type Typed, useTyped } from "../condition/typed";
import { InexactNumber, isObject, type Json, type JsonObject, parse, scalarText } from "../json";
import { say } from "../say";
import { Button, IconButton } from "../ui/button";
import { Segments, TextArea, TextField } from "../ui/field";
import { faultAt } from "./fields";
import { objectOf, type StepForm } from "./form";
import { withKey } from "./keys";
import { NewItem } from "./rule";

const labels: Record<string, string> = {
  subject: words.subject,
  text: words.text,
  html: words.html,
  message: words.shortText,
};
const placeholder = /^\s*((attributes|event|decision|step)\b[^{}]*|unsubscribe\.url\s*(\|[^{}]*)?)$/;

/** What is wrong with the placeholders of a text, as far as it can be seen at once; undefined if nothing. */
export function placeholderFault(text: string): string | undefined {
  for (const piece of text.split("{{").slice(1)) {
    const end = piece.indexOf("}}");
    if (end < 0) return words.openPlaceholder;
    if (!placeholder.test(piece.slice(0, end))) return words.badPlaceholder;
  }
  return undefined;
}

/** A placeholder for a name, with what stands in its place where there is no value. */
export function placeholderOf(path: string, instead: string): string {
  const quoted = instead.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  return instead === "" ? `{{${path}}}` : `{{${path} | default: '${quoted}'}}`;
}

/** Edits what a message says: the fields that its channel has, further ones, or all of it as JSON. */
export function PayloadEditor(form: StepForm & { shape: readonly string[] }) {
  const { config, faults, set, shape } = form;
  const [view, setView] = useState<"fields" | "json">("fields");
  const box = useRef<HTMLDivElement>(null);
  const last = useRef<HTMLInputElement | HTMLTextAreaElement | null>(null);
  const payload = objectOf(config["payload"]) ?? {};
  const change = (next: JsonObject) => set("payload", Object.keys(next).length === 0 ? undefined : next);
  const keys = [...shape, ...Object.keys(payload).filter((key) => !shape.includes(key))];
  return (
    <div className="sec">
      <div className="sec-title">
        <span className="grow">{words.message}</span>
        <Segments
          small
          label={words.view}
          value={view}
          options={[
            ["fields", words.fields],
            ["json", words.json],
          ]}
          onChange={setView}
        />
      </div>
      {view === "json" ? (
        <JsonField
          label={words.message}
          value={config["payload"] ?? undefined}
          fault={faultAt(faults, "/payload")}
          rows={10}
          object
          onChange={(value) => set("payload", value)}
        />
      ) : (
        <div
          ref={box}
          role="group"
          aria-label={words.message}
          className="col gap-3"
          onFocus={({ target }) => {
            const field = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement ? target : null;
            if (field?.closest("[data-payload]")) last.current = field;
          }}
        >
          {keys.map((key) => (
            <PayloadField
              key={key}
              name={key}
              value={payload[key]}
              usual={shape.includes(key)}
              fault={faultAt(faults, `/payload/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`)}
              onChange={(value) => change(withKey(payload, key, value))}
            />
          ))}
          <NewItem
            label={words.addKey}
            options={[]}
            check={() => undefined}
            onAdd={(key) => change({ ...payload, [key]: payload[key] ?? "" })}
          />
          <Insert form={form} into={last} box={box} />
        </div>
      )}
    </div>
  );
}

interface FieldProps {
  name: string;
  value: Json | undefined;
  /** Whether the channel reads it: it is offered even if it is empty, and gone then. */
  usual: boolean;
  fault: string | undefined;
  onChange: (value: Json | undefined) => void;
}

function PayloadField({ name, value, usual, fault, onChange }: FieldProps) {
  const label = (usual && labels[name]) || name;
  const isText = value === undefined || typeof value === "string";
  return (
    <div className="row row--top row--1">
      <div className="grow" data-payload={name}>
        {isText ? (
          <TextWithPlaceholders
            label={label}
            name={name}
            value={value}
            usual={usual}
            fault={fault}
            onChange={onChange}
          />
        ) : (
          <JsonField label={label} value={value} fault={fault} rows={3} onChange={onChange} />
        )}
      </div>
      {!usual && (
        <span className="branch-verbs">
          <IconButton small icon="trash" label={say(words.removeThis, { name })} onClick={() => onChange(undefined)} />
        </span>
      )}
    </div>
  );
}

function TextWithPlaceholders({ label, name, value, usual, fault, onChange }: FieldProps & { label: string }) {
  const read = (text: string): Typed => {
    if (text === "" && usual) return { value: undefined };
    const wrong = placeholderFault(text);
    return wrong === undefined ? { value: text } : { fault: wrong };
  };
  const typed = useTyped(value, scalarText, read, onChange);
  const shared = { label, value: typed.text, fault: typed.fault ?? fault };
  if (name === "subject" || name === "title") {
    return <TextField {...shared} spellCheck onChange={(event) => typed.change(event.target.value)} />;
  }
  const rows = Math.min(12, Math.max(usual && name !== "html" ? 4 : 2, typed.text.split("\n").length + 1));
  return <TextArea {...shared} mono={name === "html"} rows={rows} onChange={typed.change} />;
}

interface JsonFieldProps {
  label: string;
  value: Json | undefined;
  fault: string | undefined;
  rows: number;
  /** Whether it must be an object, which may be absent. */
  object?: boolean;
  /** By default the label of an object is hidden: it stands above. */
  hideLabel?: boolean;
  onChange: (value: Json | undefined) => void;
}

/** A value as JSON. */
export function JsonField({ label, value, fault, rows, object = false, hideLabel = object, onChange }: JsonFieldProps) {
  const read = (text: string): Typed => {
    if (text.trim() === "" && object) return { value: undefined };
    try {
      const parsed = parse(text);
      return object && !isObject(parsed) ? { fault: words.objectFault } : { value: parsed };
    } catch (error) {
      return { fault: error instanceof InexactNumber ? error.message : words.jsonFault };
    }
  };
  const show = (shown: Json | undefined) => (shown === undefined ? "" : JSON.stringify(shown, null, 2));
  const typed = useTyped(value, show, read, onChange);
  return (
    <TextArea
      label={label}
      hideLabel={hideLabel}
      mono
      rows={rows}
      value={typed.text}
      fault={typed.fault ?? fault}
      onChange={typed.change}
    />
  );
}

interface InsertProps {
  form: StepForm;
  into: React.RefObject<HTMLInputElement | HTMLTextAreaElement | null>;
  box: React.RefObject<HTMLDivElement | null>;
}

/** Puts a placeholder where the cursor was last. */
function Insert({ form, into, box }: InsertProps) {
  const [path, setPath] = useState("");
  const [instead, setInstead] = useState("");
  const id = useId();
  const insert = () => {
    const fallback = box.current?.querySelector<HTMLInputElement | HTMLTextAreaElement>(
      "[data-payload] :is(input, textarea)",
    );
    const field = into.current?.isConnected ? into.current : fallback;
    if (!field || path === "") return;
    const end = field.selectionEnd ?? field.value.length;
    field.setRangeText(placeholderOf(path, instead), field.selectionStart ?? end, end, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  };
  const link = form.config["topic"] ? [["unsubscribe.url", words.unsubscribeName] as const] : [];
  const options = [...link, ...placeholdersAt(form.context).map((name) => [name.path, name.of] as const)];
  return (
    <div className="insert" role="group" aria-labelledby={id}>
      <TextField
        label={words.insertName}
        mono
        options={options}
        value={path}
        onChange={(event) => setPath(event.target.value)}
      />
      <TextField label={words.insertDefault} value={instead} onChange={(event) => setInstead(event.target.value)} />
      <Button small id={id} onClick={insert} waits={path === "" ? words.needsText : undefined}>
        {words.insert}
      </Button>
    </div>
  );
}
