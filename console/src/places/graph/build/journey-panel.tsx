import words from "#words/build";
import { type Answer, api, call, type Schemas } from "../../../api";
import { JourneyForm } from "../../../forms/journey-form";
import type { OwnChange } from "../../../forms/own-edits";
import type { Editor } from "../../../graph/editor";
import { keys, queries, useNames, useSettings } from "../../../queries";
import { say } from "../../../say";
import type { Finding } from "./findings";
import { type Part, partName } from "./palette";
import type { Commands } from "./use-commands";

interface JourneyPanelProps {
  part: Part;
  editor: Editor;
  journey: Answer<Schemas["Journey"]>;
  findings: readonly Finding[];
  commands: Commands;
  onClose: () => void;
}

/** The form of a part of the whole journey. */
export function JourneyPanel({ part, editor, journey, findings, commands, onClose }: JourneyPanelProps) {
  const settings = useSettings();
  const names = useNames();
  const faults = findings
    .filter(({ nodeId, setting, tone }) => nodeId === null && setting !== "" && tone === "bad")
    .map(({ setting, pointer, text }) => ({ pointer: `/${setting}${pointer}`, detail: text }));
  return (
    <JourneyForm
      section={part}
      journey={journey.data}
      work={editor.work}
      settings={settings.data}
      names={names.data}
      faults={faults}
      onPinned={(next, field) => commands.set(next, say(words.changed, { name: partName(part) }), field)}
      onJourney={(change) => changeJourney(journey, change)}
      onNode={commands.update}
      onClose={onClose}
    />
  );
}

/** Changes the journey itself. It rejects with the Problem. */
async function changeJourney({ data: { id }, etag }: Answer<Schemas["Journey"]>, body: OwnChange): Promise<void> {
  try {
    const params = { path: { id }, header: { "If-Match": etag } };
    queries.setQueryData(keys.journey(id), await call(api.PUT("/journeys/{id}", { params, body })));
    void queries.invalidateQueries({ queryKey: keys.journeys });
  } catch (error) {
    void queries.invalidateQueries({ queryKey: keys.journey(id), exact: true }); // perhaps another editor changed it
    throw error;
  }
}
