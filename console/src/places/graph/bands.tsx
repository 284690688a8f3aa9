import { useMutation } from "@tanstack/react-query";
import words from "#words/journey";
import { type Answer, api, call, type Schemas } from "../../api";
import { formatMinute } from "../../format";
import type { Editor } from "../../graph/editor";
import { keys, queries } from "../../queries";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { Band, explain } from "../../ui/states";
import { SaveAsNew } from "./save-as-new";

interface BandsProps {
  journey: Answer<Schemas["Journey"]>;
  editor: Editor;
}

/** What holds for the whole journey: deleted, archived, paused, or saved by another editor. */
export function JourneyBands({ journey, editor }: BandsProps) {
  const { name, status } = journey.data;
  if (editor.state.kind === "deleted") {
    return (
      <Band tone="warn" icon="trash">
        <span>
          <b>{words.deleted}</b> <span className="dim">{words.deletedKept}</span>
        </span>
        <span className="push row">
          <SaveAsNew id={editor.journeyId} name={name} work={editor.work} small primary={false} />
        </span>
      </Band>
    );
  }
  return (
    <>
      {status === "archived" && <StatusBand journey={journey} archived />}
      {status === "paused" && <StatusBand journey={journey} />}
      {editor.elsewhere && <ElsewhereBand editor={editor} />}
    </>
  );
}

function ElsewhereBand({ editor }: { editor: Editor }) {
  const { by = "", at = "", tag = "" } = editor.elsewhere ?? {};
  const what = tag === "" ? words.elsewhereLive : words.elsewhere;
  return (
    <Band tone="accent" icon="refresh">
      <span>
        <b>{say(what, { by: by || words.someone, at: formatMinute(at) })}</b>{" "}
        <span className="dim">{words.elsewhereDetail}</span>
      </span>
      <span className="push">
        <Button small onClick={() => editor.takeElsewhere(say(words.took, { by: by || words.someone }))}>
          {words.take}
        </Button>
      </span>
    </Band>
  );
}

function StatusBand({ journey, archived = false }: { journey: Answer<Schemas["Journey"]>; archived?: boolean }) {
  const { id } = journey.data;
  const change = useMutation({
    mutationFn: () =>
      call(
        api.PUT("/journeys/{id}", {
          params: { path: { id }, header: { "If-Match": journey.etag } },
          body: { status: archived ? "paused" : "active" },
        }),
      ),
    onSuccess: (answer) => queries.setQueryData(keys.journey(id), answer),
    onSettled: () => queries.invalidateQueries({ queryKey: keys.journey(id) }),
  });
  return (
    <Band tone={archived ? undefined : "warn"} icon={archived ? "archived" : "paused"}>
      <span>
        <b>{archived ? words.archived : words.paused}</b>{" "}
        <span className="dim">{archived ? words.archivedDetail : words.pausedDetail}</span>
      </span>
      <span className="push row">
        {change.error && <span role="alert">{explain(change.error).title}</span>}
        <Button small onClick={() => change.isPending || change.mutate()}>
          {archived ? words.restore : words.resume}
        </Button>
      </span>
    </Band>
  );
}
