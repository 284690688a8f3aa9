import words from "#words/build";
import type { Answer, Schemas } from "../../../api";
import { JourneyForm } from "../../../forms/journey-form";
import type { Editor } from "../../../graph/editor";
import { useNames, useSettings } from "../../../queries";
import { say } from "../../../say";
import { IconButton } from "../../../ui/button";
import type { Finding } from "./findings";
import { type Part, partName } from "./palette";
import type { Commands } from "./use-commands";

interface JourneyPanelProps {
  part: Part;
  editor: Editor;
  journey: Answer<Schemas["Journey"]>;
  findings: readonly Finding[];
  readOnly: boolean;
  commands: Commands;
  onClose: () => void;
}

const settingsOf: Record<Part, readonly string[]> = {
  entry: ["entryCondition"],
  reentry: [],
  exits: ["exitOn", "exitWhen"],
  goal: ["goal"],
  zone: ["timezone"],
};

/** The form of a part of the whole journey. */
export function JourneyPanel({ part, editor, journey, findings, readOnly, commands, onClose }: JourneyPanelProps) {
  const settings = useSettings();
  const names = useNames();
  const faults = findings
    .filter(({ nodeId, setting }) => nodeId === null && settingsOf[part].includes(setting))
    .map(({ setting, pointer, text }) => ({ pointer: `/${setting}${pointer}`, detail: text }));
  return (
    <aside className="panel panel--end only-wide" aria-label={partName(part)} onBlur={editor.endSeries}>
      <div className="panel-head">
        <h2 className="t4 grow">{partName(part)}</h2>
        <IconButton icon="close" label={words.close} onClick={onClose} />
      </div>
      <fieldset className="panel-body scroll" disabled={readOnly}>
        <JourneyForm
          key={part}
          section={part}
          journey={journey}
          work={editor.work}
          settings={settings.data}
          names={names.data}
          faults={faults}
          onChange={(next, field) => commands.set(next, say(words.changed, { name: partName(part) }), field)}
        />
      </fieldset>
    </aside>
  );
}
