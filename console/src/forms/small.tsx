import words from "#words/forms";
import { ConditionBuilder } from "../condition/builder";
import { eventTypesOf } from "../condition/names";
import { type JsonObject, scalarText } from "../json";
import { say } from "../say";
import { Choice, checkEventType, faultAt, faultsIn, NumberField, Text } from "./fields";
import { objectOf, type StepForm } from "./form";

type EntryFieldsProps = Pick<StepForm, "context" | "faults" | "set"> & {
  /** What holds them, and its key for the event. */
  value: JsonObject;
  eventKey: "event" | "eventType";
  help: string;
  placeholder?: string;
};

/** The event and the condition with which people enter. */
export function EntryFields({ value, eventKey, context, faults, set, ...texts }: EntryFieldsProps) {
  return (
    <>
      <Text
        label={words.entryEvent}
        mono
        options={eventTypesOf(context.names)}
        check={checkEventType}
        {...texts}
        value={value[eventKey]}
        fault={faultAt(faults, `/${eventKey}`)}
        onChange={(event) => set(eventKey, event)}
      />
      <ConditionBuilder
        label={words.entryCondition}
        value={objectOf(value["condition"])}
        context={{ ...context, atEntry: true }}
        faults={faultsIn(faults, "/condition")}
        onChange={(condition) => set("condition", condition ?? undefined)}
      />
    </>
  );
}

/** The form of an entry. */
export function EntryForm({ config, context, faults, set }: StepForm) {
  const own = context.entryEvent; // of the journey, unless this step names one
  return (
    <div className="sec">
      <EntryFields
        {...{ context, faults, set }}
        value={config}
        eventKey="eventType"
        placeholder={own}
        help={own && !config["eventType"] ? say(words.entryEventOwn, { event: own }) : words.entryEventHelp}
      />
      <Text
        label={words.segment}
        help={words.segmentHelp}
        value={config["segmentId"]}
        fault={faultAt(faults, "/segmentId")}
        onChange={(value) => set("segmentId", value)}
      />
    </div>
  );
}

/** The form of a decision. */
export function DecisionForm({ config, settings, faults, set }: StepForm) {
  const name = scalarText(config["decisionFlowId"] ?? undefined);
  const flows = settings?.decisions ?? [];
  const flow = flows.find((one) => one.name === name) ?? flows.find((one) => one.name === "*");
  const missing = name !== "" && settings && !flow ? words.noFlow : undefined;
  const named = (list: readonly { name: string; kind: string }[]) =>
    list.filter((one) => one.name !== "*").map((one) => [one.name, one.kind] as const);
  return (
    <div className="sec">
      <Text
        label={words.flow}
        mono
        options={named(flows)}
        value={config["decisionFlowId"]}
        fault={faultAt(faults, "/decisionFlowId") ?? missing}
        help={flow && name !== "" ? say(words.flowKind, { kind: flow.kind }) : undefined}
        onChange={(value) => set("decisionFlowId", value)}
      />
      <Text
        label={words.channelId}
        mono
        options={named(settings?.channels ?? [])}
        value={config["channelId"]}
        fault={faultAt(faults, "/channelId")}
        onChange={(value) => set("channelId", value)}
      />
      <NumberField
        label={words.maxOffers}
        whole
        min={1}
        max={100}
        placeholder="1"
        value={config["maxOffers"]}
        fault={faultAt(faults, "/maxOffers")}
        onChange={(value) => set("maxOffers", value)}
      />
      <NumberField
        label={words.timeoutMs}
        whole
        min={1}
        max={settings?.limits.maxDecisionTimeoutMs ?? 20_000}
        value={config["timeoutMs"]}
        fault={faultAt(faults, "/timeoutMs")}
        onChange={(value) => set("timeoutMs", value)}
      />
      <Choice
        label={words.onError}
        value={config["onError"]}
        fault={faultAt(faults, "/onError")}
        options={[
          ["continue", words.errorContinue],
          ["fail", words.errorFail],
        ]}
        onChange={(value) => set("onError", value)}
      />
    </div>
  );
}

/** The form of an exit. */
export function ExitForm({ config, faults, set }: StepForm) {
  return (
    <div className="sec">
      <Text
        label={words.reason}
        help={words.reasonHelp}
        value={config["reason"]}
        fault={faultAt(faults, "/reason")}
        onChange={(value) => set("reason", value)}
      />
    </div>
  );
}
