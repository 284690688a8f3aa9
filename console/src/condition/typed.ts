import { useState } from "react";
import { type Json, same } from "../json";

/** What was typed: a value, undefined for none, or what is wrong with it. */
export type Typed = { value: Json | undefined } | { fault: string };

/**
 * Keeps what is typed into a field, also while it is no value: the value stays as it was until it is one
 * again. A value that changes from elsewhere takes the place of what was typed.
 */
export function useTyped(
  value: Json | undefined,
  show: (value: Json | undefined) => string,
  read: (text: string) => Typed,
  onChange: (value: Json | undefined) => void,
) {
  const [typed, setTyped] = useState<{ text: string; for: Json | undefined }>();
  const current = typed !== undefined && same(typed.for, value);
  const text = current ? typed.text : show(value);
  const now = current ? read(text) : undefined;
  return {
    text,
    fault: now && "fault" in now ? now.fault : undefined,
    change(next: string) {
      const is = read(next);
      const result = "fault" in is ? value : is.value;
      setTyped({ text: next, for: result });
      if (!same(result, value)) onChange(result);
    },
  };
}
