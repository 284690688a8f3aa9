import { useState } from "react";
import words from "#words/forms";
import { eventTypesOf, labelOf, stepsBefore } from "../condition/names";
import { isObject, type Json, type JsonObject, scalarText } from "../json";
import type { Fault } from "../problem";
import { say } from "../say";
import { Button, IconButton } from "../ui/button";
import { Switch } from "../ui/field";
import { isReport, messagesBefore, ReportRule } from "./feedback-rule";
import { Choice, checkEventType, checkWayName, faultAt, faultsIn, Text, wayNameOf } from "./fields";
import { objectsOf, type StepForm } from "./form";
import { withKey } from "./keys";
import { EventRule, NewItem } from "./rule";

/** The events that end a wait. A single event without a way of its own is a text in the config. */
export function eventsOf(awaited: Json | undefined): JsonObject[] {
  if (typeof awaited === "string") return [{ id: "event", eventType: awaited }];
  return isObject(awaited) ? objectsOf(awaited["any"]) : [];
}

/** Returns `waitForEvent` with other events. A single text stays one, as long as it is only a type. */
export function withEvents(awaited: Json | undefined, events: readonly JsonObject[]): Json | undefined {
  const [first] = events;
  if (first === undefined) return undefined;
  const { id, eventType, ...rest } = first;
  const plain = events.length === 1 && id === "event" && Object.keys(rest).length === 0;
  if (plain && typeof awaited === "string") return eventType ?? null;
  // The id `event` is only that of a single text.
  const any = events.map((event, i) =>
    event["id"] === "event" ? { ...event, id: wayNameOf(scalarText(event["eventType"]), idsOf(events, i)) } : event,
  );
  return isObject(awaited) ? { ...awaited, any } : { any };
}

function idsOf(events: readonly JsonObject[], but?: number): string[] {
  return events.flatMap((event, i) => (i === but ? [] : [scalarText(event["id"])]));
}

/** The part of a wait's form about the events that end it. */
export function Awaited(form: StepForm) {
  const { node, config, graph, settings, faults, set } = form;
  const awaited = config["waitForEvent"];
  const events = eventsOf(awaited);
  const [asked, setAsked] = useState(false);
  const open = events.length > 0 || asked;
  const change = (next: readonly JsonObject[]) => set("waitForEvent", withEvents(awaited, next));
  const turn = (on: boolean) => {
    setAsked(on);
    if (!on) set("waitForEvent", undefined);
  };
  const most = settings?.limits.maxAwaitedEvents ?? 5;
  const since = config["eventSince"];
  return (
    <div className="sec">
      <Switch label={words.eventEnds} checked={open} onChange={turn} />
      {events.map((event, i) => (
        <div key={i} className="well col gap-3" role="group" aria-label={`${words.event} ${i + 1}`}>
          <Rule
            rule={event}
            form={form}
            faults={faultsIn(faults, `/waitForEvent/any/${i}`)}
            onChange={(next) => change(events.with(i, next))}
            verbs={
              <IconButton
                small
                icon="trash"
                label={say(words.removeThis, { name: scalarText(event["eventType"] ?? event["id"]) })}
                onClick={() => change(events.toSpliced(i, 1))}
              />
            }
          >
            {typeof awaited !== "string" && (
              <Text
                label={words.wayName}
                className="form-id"
                mono
                required={words.needsName}
                check={(id) => checkWayName(id, idsOf(events, i))}
                value={event["id"]}
                fault={faultAt(faults, `/waitForEvent/any/${i}/id`)}
                onChange={(id) => change(events.with(i, withKey(event, "id", id)))}
              />
            )}
          </Rule>
        </div>
      ))}
      {open && <AddEvent events={events} most={most} form={form} change={change} />}
      {events.some((event) => !isReport(event)) && (
        <Choice
          label={words.countsFrom}
          value={isObject(since) ? `step:${scalarText(since["step"])}` : since}
          fault={faultAt(faults, "/eventSince")}
          help={since === undefined || since === null || since === "entry" ? words.sinceEntryHelp : undefined}
          options={[
            ["entry", words.sinceEntry],
            ["wait", words.sinceWait],
            ...stepsBefore(graph, node.id).map(
              (step) => [`step:${step.id}`, say(words.sinceStep, { step: labelOf(step) })] as const,
            ),
          ]}
          onChange={(value) => set("eventSince", readSince(scalarText(value)))}
        />
      )}
    </div>
  );
}

interface RuleProps {
  rule: JsonObject;
  form: StepForm;
  faults: readonly Fault[];
  onChange: (rule: JsonObject) => void;
  children: React.ReactNode;
  verbs: React.ReactNode;
}

function Rule({ form, ...rest }: RuleProps) {
  if (isReport(rest.rule)) return <ReportRule {...rest} graph={form.graph} nodeId={form.node.id} />;
  return <EventRule {...rest} context={form.context} />;
}

function readSince(value: string): Json {
  return value.startsWith("step:") ? { step: value.slice(5) } : value;
}

interface AddProps {
  events: readonly JsonObject[];
  most: number;
  form: StepForm;
  change: (events: readonly JsonObject[]) => void;
}

function AddEvent({ events, most, form, change }: AddProps) {
  const [asked, setAsked] = useState(false);
  if (events.length >= most) return null;
  const [message] = messagesBefore(form.graph, form.node.id);
  const add = (event: JsonObject, name: string) => {
    setAsked(false);
    change([...events, { id: wayNameOf(name, idsOf(events)), ...event }]);
  };
  const ask = events.length === 0 || asked;
  return (
    <>
      {ask && (
        <NewItem
          label={words.addEvent}
          options={eventTypesOf(form.context.names)}
          check={checkEventType}
          onAdd={(eventType) => add({ eventType }, eventType)}
        />
      )}
      <div className="row row--wrap">
        {!ask && (
          <Button small icon="plus" onClick={() => setAsked(true)}>
            {words.anotherEvent}
          </Button>
        )}
        {message && (
          <Button small icon="plus" onClick={() => add({ step: message.id, is: "clicked" }, "clicked")}>
            {words.addReport}
          </Button>
        )}
      </div>
    </>
  );
}
