import { useMemo } from "react";
import words from "#words/simulate";
import type { Editor } from "../../../graph/editor";
import { say } from "../../../say";
import { freeName, newId, type Persona, type PersonaTest, readPersonas, writePersonas } from "./personas";

/** The personas of a journey and what can be done with them. */
export interface Personas {
  list: readonly Persona[];
  /** Adds a persona and returns its id. */
  add(name: string | undefined, test: PersonaTest, note?: string): string;
  /** Changes a persona. Changes with the same series are undone together. */
  update(id: string, change: (persona: Persona) => Persona, label?: string, series?: string): void;
  duplicate(persona: Persona): string;
  remove(persona: Persona): void;
}

/** The personas, kept in the draft. */
export function usePersonas(editor: Editor): Personas {
  const { definition } = editor.work;
  const list = useMemo(() => readPersonas(definition), [definition]);
  const edit = (label: string, change: (personas: Persona[]) => Persona[], series?: string) =>
    editor.change(label, (work) => writePersonas(work, change(readPersonas(work.definition))), series);
  const add = (name: string | undefined, test: PersonaTest, note?: string) => {
    const id = newId();
    const own =
      name === undefined
        ? freeName(list, list.length + 1, (n) => say(words.personaN, { n }))
        : freeName(list, 1, (n) => (n === 1 ? name : `${name} ${n}`));
    const persona: Persona = { id, name: own, ...(note ? { note } : {}), test };
    edit(say(words.addedPersona, { name: own }), (personas) => [...personas, persona]);
    return id;
  };
  return {
    list,
    add,
    update(id, change, label, series) {
      const name = list.find((persona) => persona.id === id)?.name ?? "";
      edit(
        label ?? say(words.changedPersona, { name }),
        (personas) => personas.map((persona) => (persona.id === id ? change(persona) : persona)),
        series ?? `persona ${id}`,
      );
    },
    duplicate: (persona) => add(say(words.copyOf, { name: persona.name }), persona.test, persona.note),
    remove(persona) {
      edit(say(words.deletedPersona, { name: persona.name }), (personas) =>
        personas.filter(({ id }) => id !== persona.id),
      );
    },
  };
}
