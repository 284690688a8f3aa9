import { useMutation } from "@tanstack/react-query";
import { useMemo } from "react";
import words from "#words/journey";
import { api, call, newKey, type Schemas } from "../../api";
import { copyPlace } from "../../graph/draft-copy";
import { bodyOf } from "../../graph/stored";
import type { Work } from "../../graph/types";
import { keys, queries } from "../../queries";
import { go } from "../../route";
import { session } from "../../session";
import { Button } from "../../ui/button";
import { explain } from "../../ui/states";

interface SaveAsNewProps {
  /** The journey that the work was made for. */
  id: string;
  name: string;
  work: Work;
  small?: boolean;
  primary?: boolean;
  label?: string;
  onDone?: () => void;
}

/** Makes a new journey of a work that cannot go where it belongs, and goes there. */
export function SaveAsNew({ id, name, work, small, primary = true, label, onDone }: SaveAsNewProps) {
  // The same key while nothing is changed, so that a repeat makes no second journey.
  const key = useMemo(() => (work ? newKey() : ""), [work]);
  const save = useMutation({
    mutationFn: () => {
      const body = { name: name.slice(0, 255), ...bodyOf(work) } as Schemas["JourneyDraft"];
      return call(api.POST("/journeys", { params: { header: { "Idempotency-Key": key } }, body }));
    },
    onSuccess: ({ data }) => {
      const { tenant = "", sub = "" } = session.get() ?? {};
      copyPlace(tenant, sub, id).remove();
      void queries.invalidateQueries({ queryKey: keys.journeys });
      onDone?.();
      go({ name: "graph", journey: data.id, mode: "build" });
    },
  });
  return (
    <>
      <Button look={primary ? "primary" : "plain"} small={small ?? false} onClick={() => save.mutate()}>
        {label ?? words.saveAsNew}
      </Button>
      {save.error && (
        <span role="alert" className="bad">
          {explain(save.error).title}
        </span>
      )}
    </>
  );
}
