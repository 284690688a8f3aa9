// Fills the words of words.json.
import { createElement, Fragment, type ReactNode } from "react";
import { locale } from "./format";

/** A sentence with {placeholders}, or one for each plural category of {n}. */
export type Message = string | { readonly one: string; readonly other: string };

type Value = string | number;
const plurals = new Intl.PluralRules(locale);
const numbers = new Intl.NumberFormat(locale);

function choose(message: Message, values: Record<string, unknown>): string {
  if (typeof message === "string") return message;
  return plurals.select(Number(values["n"])) === "one" ? message.one : message.other;
}

/** Returns a message with its placeholders filled. Numbers are written as people read them. */
export function say(message: Message, values: Record<string, Value> = {}): string {
  return choose(message, values).replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

/** Like `say`, with elements in place of the placeholders. */
export function rich(message: Message, values: Record<string, ReactNode>): ReactNode {
  const parts = choose(message, values).split(/\{(\w+)\}/);
  return createElement(
    Fragment,
    null,
    ...parts.map((part, i) => {
      const value = i % 2 === 0 ? part : (values[part] ?? `{${part}}`);
      return typeof value === "number" ? numbers.format(value) : value;
    }),
  );
}
