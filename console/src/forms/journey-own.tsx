import words from "#words/forms";
import { labelOf } from "../condition/names";
import type { Json, JsonObject } from "../json";
import { say } from "../say";
import { TextArea } from "../ui/field";
import { Choice, faultAt, faultsIn, NumberField, Text } from "./fields";
import type { JourneySectionForm, OwnForm } from "./journey-form";
import { withKey } from "./keys";
import type { OwnChange } from "./own-edits";
import { EntryFields, EntryForm } from "./small";
import { Moment } from "./until";

/** The event and the condition with which people enter, and when. */
export function EntrySection({ own, edit, context, faults }: OwnForm) {
  const entry = (own.entryCondition ?? {}) as JsonObject;
  const set = (key: string, value: Json | undefined) => {
    const next = withKey(entry, key, value);
    edit({ entryCondition: (Object.keys(next).length === 0 ? null : next) as OwnChange["entryCondition"] & null });
  };
  const { entryFrom, entryUntil } = own;
  const wrong = entryFrom && entryUntil && Date.parse(entryFrom) >= Date.parse(entryUntil);
  return (
    <div className="sec">
      <EntryFields
        {...{ context, set }}
        faults={faultsIn(faults, "/entryCondition")}
        value={entry}
        eventKey="event"
        help={words.entryEventHelp}
      />
      <Moment
        label={words.entryFrom}
        value={entryFrom ?? undefined}
        fault={faultAt(faults, "/entryFrom")}
        onChange={(value) => edit({ entryFrom: value ?? null })}
      />
      <Moment
        label={words.entryUntil}
        value={entryUntil ?? undefined}
        fault={wrong ? words.untilBeforeFrom : faultAt(faults, "/entryUntil")}
        onChange={(value) => edit({ entryUntil: value ?? null })}
      />
    </div>
  );
}

/** The part of the entry that stands in the graph: the config of the entry step. */
export function EntryStepFields({ work, settings, context, faults, onNode }: JourneySectionForm) {
  const graph = work.definition;
  const at = graph.nodes.findIndex((node) => node.type === "entry_trigger");
  const node = graph.nodes[at];
  if (!node) return null;
  const config = node.config ?? {};
  const put = (next: JsonObject, field: string) => onNode({ ...node, config: next }, field);
  return (
    <section aria-label={say(words.stepEntry, { step: labelOf(node) })} className="form-part">
      <div className="sec sec--tight">
        <h3 className="sec-title">{say(words.stepEntry, { step: labelOf(node) })}</h3>
        <p className="help">{words.stepEntryHelp}</p>
      </div>
      <EntryForm
        {...{ node, config, graph, settings, context, put }}
        faults={faultsIn(faults, `/definition/nodes/${at}/config`)}
        set={(key, value) => put(withKey(config, key, value), key)}
      />
    </section>
  );
}

/** Whether people who have left enter again. */
export function ReentrySection({ own, edit, settings, faults }: OwnForm) {
  const reentry = (own.reentry ?? { mode: "never" }) as JsonObject;
  const again = reentry["mode"] === "afterExit";
  const change = (next: JsonObject) => edit({ reentry: next as NonNullable<OwnChange["reentry"]> });
  return (
    <div className="sec">
      <Choice
        label={words.reentryMode}
        value={reentry["mode"]}
        options={[
          ["never", words.never],
          ["afterExit", words.afterExit],
        ]}
        // Interval and number mean something only where people enter again.
        onChange={(mode) => change(mode === "never" ? { mode } : { ...reentry, mode: mode ?? "never" })}
      />
      {again && (
        <>
          <NumberField
            label={words.minInterval}
            min={0}
            max={settings?.limits.maxReentryIntervalHours ?? 87_600}
            value={reentry["minIntervalHours"] ?? undefined}
            fault={faultAt(faults, "/reentry/minIntervalHours")}
            onChange={(value) => change(withKey(reentry, "minIntervalHours", value))}
          />
          <NumberField
            label={words.maxRuns}
            whole
            min={2}
            max={settings?.limits.maxReentryRuns ?? 100}
            help={words.anyTimes}
            value={reentry["max"] ?? undefined}
            fault={faultAt(faults, "/reentry/max")}
            onChange={(value) => change(withKey(reentry, "max", value))}
          />
        </>
      )}
    </div>
  );
}

/** The name and the description, and how long people stay. */
export function TextsSection({ own, edit, settings, faults }: OwnForm) {
  const limits = settings?.limits;
  return (
    <div className="sec">
      <Text
        label={words.journeyName}
        max={limits?.maxNameCharacters ?? 255}
        required={words.needsName}
        value={own.name}
        fault={faultAt(faults, "/name")}
        onChange={(value) => typeof value === "string" && edit({ name: value })}
      />
      <TextArea
        label={words.description}
        rows={3}
        value={own.description ?? ""}
        fault={
          [...(own.description ?? "")].length > (limits?.maxDescriptionCharacters ?? 2000)
            ? say(words.tooLong, { n: limits?.maxDescriptionCharacters ?? 2000 })
            : faultAt(faults, "/description")
        }
        onChange={(description) => edit({ description })}
      />
      <NumberField
        label={words.maxDays}
        whole
        required
        min={1}
        max={limits?.maxDurationDays ?? 365}
        value={own.maxDurationDays}
        fault={faultAt(faults, "/maxDurationDays")}
        onChange={(value) => typeof value === "number" && edit({ maxDurationDays: value })}
      />
    </div>
  );
}
