import { createContext, useContext } from "react";
import { factOf } from "./describe";
import type { GraphNode } from "./types";

/** The event of the journey's own entry condition, which its definition does not hold; "" for none. */
export const EntryEvent = createContext("");

/** The fact about a step that matters most. An entry step without an event of its own has the journey's. */
export function useFact(node: GraphNode): string {
  const event = useContext(EntryEvent);
  return factOf(node) || (node.type === "entry_trigger" ? event : "");
}
