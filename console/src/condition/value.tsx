import { useId, useState } from "react";
import words from "#words/condition";
import { withKey } from "../forms/keys";
import type { Graph } from "../graph/types";
import { isExact, isObject, type Json, type JsonObject, parseNumber, scalarText } from "../json";
import { say } from "../say";
import { FaultLine } from "../ui/field";
import { Icon } from "../ui/icon";
import { resultsOf } from "./names";
import { fits, orderOperators, periodOperators, unitNames } from "./rows";
import { useTyped } from "./typed";
import { type Kind, readValue, showValue } from "./values";

const equality = ["eq", "neq", "in"];
const presence = ["exists", "missing"];
const all = [...equality, ...orderOperators, "contains", "starts_with", ...periodOperators, ...presence];
const byKind: Record<NonNullable<Kind>, readonly string[]> = {
  string: [...equality, "contains", "starts_with", ...presence],
  number: [...equality, ...orderOperators, ...presence],
  boolean: ["eq", "neq", ...presence],
  date: [...periodOperators, ...orderOperators, "eq", "neq", ...presence],
  array: ["contains", ...presence],
  object: presence,
};

/** The operators for a kind of field, with the one that is there. `missing` is `exists` with false. */
export function operatorsFor(kind: Kind, current: string): readonly string[] {
  const fitting = kind ? byKind[kind] : all;
  return fitting.includes(current) ? fitting : [current, ...fitting];
}

/** The operator of a test, as the list names it. */
export function operatorOf({ operator, value }: JsonObject): string {
  return operator === "exists" && value === false ? "missing" : scalarText(operator);
}

/** Returns a test with another operator. The value goes on, if the operator takes it. */
export function withOperator(test: JsonObject, operator: string): JsonObject {
  if (operator === "missing") return withKey({ ...test, operator: "exists" }, "value", false);
  const value = operator === "exists" ? undefined : convert(test["value"], operator);
  return withKey({ ...test, operator }, "value", value);
}

function convert(value: Json | undefined, operator: string): Json | undefined {
  if (value === undefined || fits(operator, value)) {
    return value ?? (periodOperators.includes(operator) ? { value: 7, unit: "days" } : undefined);
  }
  if (periodOperators.includes(operator)) return { value: 7, unit: "days" };
  const scalar = Array.isArray(value) ? value[0] : value;
  if (scalar === undefined || isObject(scalar)) return undefined;
  const [as]: [Json] = operator === "in" ? [[scalar]] : operator === "starts_with" ? [scalarText(scalar)] : [scalar];
  return fits(operator, as) && typeof scalar !== "boolean" ? as : undefined;
}

interface ValueProps {
  json: JsonObject;
  kind: Kind;
  graph: Graph;
  disabled: boolean;
  change: (json: JsonObject) => void;
}

/** The control for the value of a test, by its operator and the kind of its field. */
export function TestValue({ json, kind, graph, disabled, change }: ValueProps) {
  const { operator, value } = json;
  const set = (next: Json | undefined) => change(withKey(json, "value", next));
  if (operator === "exists") return <span />;
  if (isObject(value)) return <PeriodInput period={value} onChange={set} />;
  const options = resultsOf(graph, scalarText(json["field"]));
  if (operator === "in") {
    return <Tokens values={Array.isArray(value) ? value : []} kind={kind} options={options} onChange={set} />;
  }
  if (kind === "boolean" && operator !== "contains") {
    return (
      <select
        className="select"
        aria-label={words.value}
        value={value === undefined ? "" : String(value)}
        disabled={disabled}
        onChange={(event) => set(event.target.value === "" ? undefined : event.target.value === "true")}
      >
        {value === undefined && <option value="">…</option>}
        <option value="true">{words.yes}</option>
        <option value="false">{words.no}</option>
      </select>
    );
  }
  const as = operator === "starts_with" ? "string" : kind;
  return <Scalar value={value} kind={as} options={options} disabled={disabled} onChange={set} />;
}

interface ScalarProps {
  value: Json | undefined;
  kind: Kind;
  options: readonly string[];
  disabled: boolean;
  onChange: (value: Json | undefined) => void;
}

function Scalar({ value, kind, options, disabled, onChange }: ScalarProps) {
  const list = useId();
  const { text, fault, change } = useTyped(
    value,
    (shown) => showValue(shown, kind),
    (typed) => {
      const is = readValue(typed, kind);
      if ("value" in is) return is;
      return is.fault === "empty" ? { value: undefined } : { fault: words.needsNumber };
    },
    onChange,
  );
  return (
    <div className="col gap-1">
      <input
        className={kind === "number" ? "input cond-number" : "input"}
        aria-label={words.value}
        aria-invalid={fault !== undefined || undefined}
        autoComplete="off"
        spellCheck={false}
        disabled={disabled}
        inputMode={kind === "number" ? "decimal" : undefined}
        placeholder={kind === "date" ? "2026-12-24" : undefined}
        list={options.length > 0 ? list : undefined}
        maxLength={300}
        value={text}
        onChange={(event) => change(event.target.value)}
      />
      {options.length > 0 && (
        <datalist id={list}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
      <FaultLine text={fault} />
    </div>
  );
}

interface TokensProps {
  label?: string;
  /** Whether a value may be in the list. */
  check?: (value: Json) => boolean;
  values: readonly Json[];
  kind: Kind;
  options: readonly string[];
  onChange: (value: Json) => void;
}

/** Several values: Enter or a comma adds one. */
export function Tokens({ label = words.values, values, kind, options, check, onChange }: TokensProps) {
  const [text, setText] = useState("");
  const [bad, setBad] = useState(false);
  const list = useId();
  const add = (typed: string) => {
    const read = typed.trim() === "" ? undefined : readValue(typed.trim(), kind);
    if (read !== undefined && "value" in read && check?.(read.value) !== false) {
      onChange([...values, read.value]);
      setText("");
      setBad(false);
    } else {
      setBad(typed.trim() !== "");
      if (typed.trim() === "") setText("");
    }
  };
  const key = (event: React.KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Enter" || event.key === ",") {
      event.preventDefault();
      add(text);
    } else if (event.key === "Backspace" && text === "" && values.length > 0) onChange(values.slice(0, -1));
  };
  return (
    <div className="tokens" role="group" aria-label={label}>
      {values.map((value, i) => (
        <span key={`${i} ${showValue(value, kind)}`} className="token">
          <span className="cut">{showValue(value, kind)}</span>
          <button
            type="button"
            aria-label={say(words.removeValue, { value: showValue(value, kind) })}
            onClick={() => onChange(values.toSpliced(i, 1))}
          >
            <Icon name="close" small />
          </button>
        </span>
      ))}
      <input
        className="token-input"
        aria-label={`${label}: ${words.moreValues}`}
        aria-invalid={bad || undefined}
        autoComplete="off"
        spellCheck={false}
        list={options.length > 0 ? list : undefined}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={key}
        onBlur={() => add(text)}
      />
      {options.length > 0 && (
        <datalist id={list}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
    </div>
  );
}

const hoursIn: Record<string, number> = { minutes: 1 / 60, hours: 1, days: 24 };
const unitWords = { minutes: words.unitMinutes, hours: words.unitHours, days: words.unitDays };

/** A length of time above 0: a number and its unit. Other keys are kept. */
export function PeriodInput({
  period,
  maxHours = 876_000,
  onChange,
}: {
  period: JsonObject;
  maxHours?: number;
  onChange: (period: JsonObject) => void;
}) {
  const unit = scalarText(period["unit"]);
  const { text, fault, change } = useTyped(
    period["value"],
    scalarText,
    (typed) => {
      const value = parseNumber(typed.trim());
      const n = Number(isExact(value) ? value.rawJSON : value);
      return n > 0 && n * (hoursIn[unit] ?? 1) <= maxHours ? { value } : { fault: words.needsPeriod };
    },
    (value) => onChange({ ...period, value }),
  );
  return (
    <div className="col gap-1">
      <div className="pair">
        <input
          className="input cond-number"
          aria-label={words.number}
          aria-invalid={fault !== undefined || undefined}
          autoComplete="off"
          inputMode="decimal"
          value={text}
          onChange={(event) => change(event.target.value)}
        />
        <select
          className="select"
          aria-label={words.unit}
          value={unit}
          onChange={(event) => onChange({ ...period, unit: event.target.value })}
        >
          {unitNames.map((one) => (
            <option key={one} value={one}>
              {unitWords[one]}
            </option>
          ))}
        </select>
      </div>
      <FaultLine text={fault} />
    </div>
  );
}

interface MomentProps {
  since: Json | undefined;
  /** Whether "since they entered" means nothing here. */
  periodOnly: boolean;
  onChange: (since: Json) => void;
}

/** When an event was received: since the entry, or in the last days. */
export function EventMoment({ since, periodOnly, onChange }: MomentProps) {
  const period = isObject(since) ? since : undefined;
  return (
    <div className={period ? "cond-moment" : "col"}>
      {periodOnly ? (
        <span className="dim cond-last">{words.sinceLast}</span>
      ) : (
        <select
          className="select"
          aria-label={words.received}
          value={period ? "last" : "entry"}
          onChange={(event) => onChange(event.target.value === "entry" ? "entry" : { value: 7, unit: "days" })}
        >
          <option value="entry">{words.sinceEntry}</option>
          <option value="last">{words.sinceLast}</option>
        </select>
      )}
      {period && <PeriodInput period={period} onChange={onChange} />}
    </div>
  );
}
