import { replaceQuery, useRoute } from "../../route";
import { type Store, store } from "../../store";

/** The chosen step, which is part of the address: it stays when the mode changes, and a colleague can be sent to it. */
export function useSelected(): [selected: string | null, select: (id: string | null) => void] {
  const { query } = useRoute();
  return [query.get("step"), select];
}

function select(id: string | null) {
  replaceQuery({ step: id ?? undefined });
}

/** Whether the graph is shown as an outline, in every mode. */
export const outline: Store<boolean> = store(false);
