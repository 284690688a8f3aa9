import words from "#words/forms";
import { unsubscribed } from "../condition/names";
import { type Typed, useTyped } from "../condition/typed";
import { isExact, type Json, parseNumber, scalarText } from "../json";
import type { Fault } from "../problem";
import { say } from "../say";
import { SelectField, TextField } from "../ui/field";

/** The fault at a place of a form, or inside it; undefined for none. */
export function faultAt(faults: readonly Fault[], pointer: string): string | undefined {
  return faults.find((fault) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`))?.detail;
}

/** The faults inside of a part of a form, with pointers into it. */
export function faultsIn(faults: readonly Fault[], pointer: string): Fault[] {
  return faults
    .filter((fault) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`))
    .map((fault) => ({ ...fault, pointer: fault.pointer.slice(pointer.length) }));
}

interface InputProps {
  label: string;
  value: Json | undefined;
  onChange: (value: Json | undefined) => void;
  fault?: string | undefined;
  help?: React.ReactNode;
  className?: string;
  hideLabel?: boolean;
  placeholder?: string;
}

interface TextProps extends InputProps {
  /** What is said if it is empty; absent where it may be. */
  required?: string;
  max?: number;
  mono?: boolean;
  options?: readonly (string | readonly [value: string, label: string])[];
  /** What is wrong with a text that is neither empty nor too long; undefined if nothing. */
  check?: (text: string) => string | undefined;
}

/** A text. Empty, its key goes, unless it is required. A text that cannot be is shown with its fault and not kept. */
export function Text({ value, onChange, required, max = 128, check, fault, options, ...field }: TextProps) {
  const read = (text: string): Typed => {
    if (text === "") return required === undefined ? { value: undefined } : { fault: required };
    if ([...text].length > max) return { fault: say(words.tooLong, { n: max }) };
    const wrong = check?.(text);
    return wrong === undefined ? { value: text } : { fault: wrong };
  };
  const typed = useTyped(value === null ? undefined : value, scalarText, read, onChange);
  return (
    <TextField
      {...field}
      {...(options ? { options } : {})}
      value={typed.text}
      fault={typed.fault ?? fault}
      onChange={(event) => typed.change(event.target.value)}
    />
  );
}

interface NumberProps extends InputProps {
  /** The least number. 0 without `whole` is not allowed itself. */
  min: number;
  max: number;
  whole?: boolean;
  required?: boolean;
}

/** A number, kept as it was typed. */
export function NumberField({ value, onChange, min, max, whole, required, fault, ...field }: NumberProps) {
  const read = (text: string): Typed =>
    readNumber(text, { min, max, whole: whole ?? false, required: required ?? false });
  const typed = useTyped(value === null ? undefined : value, scalarText, read, onChange);
  return (
    <TextField
      {...field}
      inputMode="decimal"
      value={typed.text}
      fault={typed.fault ?? fault}
      onChange={(event) => typed.change(event.target.value)}
    />
  );
}

interface Bounds {
  min: number;
  max: number;
  whole: boolean;
  required: boolean;
}

/** Reads a number within bounds. */
export function readNumber(text: string, { min, max, whole, required }: Bounds): Typed {
  if (text.trim() === "" && !required) return { value: undefined };
  const value = parseNumber(text.trim());
  const n = Number(isExact(value) ? value.rawJSON : value);
  const within = whole ? Number.isInteger(n) && n >= min : min === 0 ? n > 0 : n >= min;
  if (value !== undefined && within && n <= max) return { value };
  const message = whole ? words.needsWhole : min === 0 ? words.needsAbove : words.needsNumber;
  return { fault: say(message, { min, max }) };
}

interface ChoiceProps extends Omit<InputProps, "placeholder"> {
  /** The first is the default: it is chosen where there is no value. */
  options: readonly (readonly [value: string, label: string])[];
}

/** A choice. Choosing the default where there is no value changes nothing. */
export function Choice({ value, onChange, options, ...field }: ChoiceProps) {
  const absent = value === undefined || value === null;
  return (
    <SelectField
      {...field}
      value={absent ? options[0]?.[0] : scalarText(value)}
      options={options}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

const idForm = /^[A-Za-z0-9_-]{1,64}$/;
const reserved = ["event", "timeout", "else", "true", "false", "exited"];

/** What is wrong with the name of a way; undefined if nothing. */
export function checkWayName(name: string, others: readonly string[]): string | undefined {
  if (!idForm.test(name)) return words.nameForm;
  if (reserved.includes(name)) return words.nameReserved;
  return others.includes(name) ? words.nameTaken : undefined;
}

/** Returns a name for a way that is not taken, made of a text. */
export function wayNameOf(text: string, others: readonly string[]): string {
  const base =
    text
      .replace(/[^A-Za-z0-9_-]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 60) || "way";
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    if (checkWayName(name, others) === undefined) return name;
  }
}

/** What is wrong with the type of an event; undefined if nothing. The service makes one of its own. */
export function checkEventType(type: string): string | undefined {
  return type.startsWith("$") && type !== unsubscribed ? words.dollar : undefined;
}
