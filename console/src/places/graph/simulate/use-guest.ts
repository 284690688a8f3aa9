import { useMemo, useState } from "react";
import type { JsonObject } from "../../../json";
import { useRoute } from "../../../route";
import { useCustomer } from "../../people/use-customer";
import { formatPath, valueAt, withValue } from "./paths";
import { identifies, type Persona, type PersonaTest } from "./personas";
import { missingReads, type Setting, suggestTest } from "./suggest";

/** The customer named in the address, shown without becoming a persona of the journey. */
export interface Guest {
  persona: Persona | undefined;
  loading: boolean;
  change: (edit: (persona: Persona) => Persona) => void;
  /** A made-up customer with the values that the journey reads, but neither the id nor the address. */
  made: () => PersonaTest;
}

/** Loads the customer of `?customer=`. */
export function useGuest(setting: Setting): Guest {
  const customerId = useRoute().query.get("customer");
  const { data: answer, isLoading } = useCustomer(customerId ?? "", customerId !== null);
  const data = answer?.data;
  const [edits, setEdits] = useState<Persona | null>(null);
  const loaded = useMemo<Persona | undefined>(() => {
    if (customerId === null || data === undefined) return undefined;
    const { entryEvent } = suggestTest(setting);
    const test: PersonaTest = { customerId, customerAttributes: data.attributes as JsonObject };
    return { id: `customer ${customerId}`, name: customerId, test: entryEvent ? { ...test, entryEvent } : test };
  }, [customerId, data, setting]);
  const persona = edits?.id === loaded?.id && edits !== null ? edits : loaded;
  return {
    persona,
    loading: isLoading,
    change: (edit) => persona && setEdits(edit(persona)),
    made: () => madeUp(setting, persona?.test ?? {}),
  };
}

function madeUp(setting: Setting, test: PersonaTest): PersonaTest {
  const read = missingReads(setting, { ...test, customerAttributes: {} }).filter(
    ({ source }) => source === "attribute",
  );
  const suggested = suggestTest(setting).customerAttributes;
  const customerAttributes = read.reduce<JsonObject>((made, { names }) => {
    const from = identifies.test(formatPath(names)) ? suggested : test.customerAttributes;
    const value = valueAt(from, names);
    return value === undefined ? made : withValue(made, names, value);
  }, {});
  const { customerId: _, ...rest } = test;
  return { ...rest, customerAttributes };
}
