import { type Json, parse } from "../json";
import type { Work } from "./types";

/** A work that is not saved yet, with what it was made from. */
export interface Copy {
  /** The tag of the draft when the changes began; "" for none. */
  tag: string;
  /** What stood at the API then. */
  base: Work;
  work: Work;
  /** What was sent since, with no answer yet: the API may have it. */
  sent?: Work[];
}

/** Where copies are kept: they outlive a reload and a sign-in, not the tab. */
export interface CopyPlace {
  read(): Copy | null;
  write(copy: Copy): void;
  remove(): void;
}

/** Returns the place of a journey's copy. Definitions and settings only: never what belongs to a customer. */
export function copyPlace(tenant: string, sub: string, journey: string): CopyPlace {
  const key = `draft ${JSON.stringify([tenant, sub, journey])}`;
  return {
    read() {
      const text = sessionStorage.getItem(key);
      return text === null ? null : (parse(text) as Json as unknown as Copy);
    },
    write({ sent, ...copy }) {
      // No room for all: the work matters most. An older copy would bring back the wrong state.
      if (!store(key, { ...copy, sent }) && !store(key, copy)) sessionStorage.removeItem(key);
    },
    remove() {
      sessionStorage.removeItem(key);
    },
  };
}

/** Returns whether there was room. */
function store(key: string, copy: object): boolean {
  try {
    sessionStorage.setItem(key, JSON.stringify(copy));
    return true;
  } catch {
    return false;
  }
}
