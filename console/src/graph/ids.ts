import type { NodeType } from "./types";

/** Where new ids come from: the only place of the builder that is not repeatable. */
export const source = { next: (): string => crypto.randomUUID().slice(0, 8) };

const stems: Record<NodeType, string> = {
  entry_trigger: "entry",
  wait: "wait",
  condition_split: "condition",
  multi_split: "ways",
  random_split: "split",
  nba_decision: "decision",
  channel_action: "message",
  update_customer: "update",
  exit: "exit",
};

/** Returns an id for a step of this type that is not taken. */
export function newId(type: string, taken: (id: string) => boolean): string {
  const stem = (stems as Record<string, string>)[type] ?? "step";
  for (;;) {
    const id = `${stem}_${source.next()}`;
    if (!taken(id)) return id;
  }
}
