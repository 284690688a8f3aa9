import { type ReactNode, useState } from "react";
import words from "#words/forms";
import { ConditionBuilder } from "../condition/builder";
import { type Context, eventTypesOf, propertiesOf } from "../condition/names";
import { isPath } from "../condition/rows";
import { isObject, type Json, type JsonObject, same, scalarText } from "../json";
import type { Fault } from "../problem";
import { Button } from "../ui/button";
import { TextField } from "../ui/field";
import { checkEventType, faultAt, faultsIn, Text } from "./fields";
import { objectOf } from "./form";
import { withKey } from "./keys";

interface RuleProps {
  /** Has `eventType`, `condition` and `match`. Other keys are kept. */
  rule: JsonObject;
  onChange: (rule: JsonObject) => void;
  context: Context;
  faults: readonly Fault[];
  /** Beside the type of the event. */
  children?: ReactNode;
  /** At the end of the last row. */
  verbs?: ReactNode;
}

/** An event, with the property that it shares with the entry event and the condition that it meets. */
export function EventRule({ rule, onChange, context, faults, children, verbs }: RuleProps) {
  const [asked, setAsked] = useState(false);
  const type = scalarText(rule["eventType"]);
  const condition = objectOf(rule["condition"]);
  return (
    <>
      <div className="row row--top">
        <Text
          label={words.event}
          className="grow"
          mono
          required={words.needsEvent}
          check={checkEventType}
          options={eventTypesOf(context.names)}
          value={rule["eventType"]}
          fault={faultAt(faults, "/eventType")}
          onChange={(value) => onChange(withKey(rule, "eventType", value))}
        />
        {children}
      </div>
      {(context.entryEvent !== "" || isObject(rule["match"])) && (
        <Match rule={rule} onChange={onChange} context={context} fault={faultAt(faults, "/match")} />
      )}
      {(condition !== null || asked) && (
        <ConditionBuilder
          label={words.condition}
          value={condition}
          context={{ ...context, ownEvent: type }}
          faults={faultsIn(faults, "/condition")}
          onChange={(value) => onChange(withKey(rule, "condition", value ?? undefined))}
        />
      )}
      <div className="row">
        {condition === null && !asked && (
          <Button small look="quiet" icon="plus" onClick={() => setAsked(true)}>
            {words.onlyIf}
          </Button>
        )}
        {verbs && <span className="push">{verbs}</span>}
      </div>
    </>
  );
}

interface MatchProps {
  rule: JsonObject;
  onChange: (rule: JsonObject) => void;
  context: Context;
  fault: string | undefined;
}

/** The properties that must be equal: both, or none. */
function Match({ rule, onChange, context, fault }: MatchProps) {
  const match = rule["match"];
  const [typed, setTyped] = useState<{ event: string; entry: string; for: Json | undefined }>();
  const saved = isObject(match)
    ? { event: scalarText(match["event"]), entry: scalarText(match["entry"]) }
    : { event: "", entry: "" };
  const shown = typed !== undefined && same(typed.for, match) ? typed : saved;
  const change = (part: "event" | "entry", text: string) => {
    const next = { event: shown.event, entry: shown.entry, [part]: text };
    const whole = isPath(next.event) && isPath(next.entry);
    const none = next.event === "" && next.entry === "";
    const result = whole ? { ...objectOf(match), ...next } : none ? undefined : match;
    setTyped({ ...next, for: result });
    if (!same(result, match)) onChange(withKey(rule, "match", result));
  };
  const half = !isPath(shown.event) !== !isPath(shown.entry);
  const optionsOf = (type: string) => propertiesOf(context.names, type).map(({ path }) => path);
  return (
    <div className="match">
      <TextField
        label={words.inThisEvent}
        className="grow"
        mono
        options={optionsOf(scalarText(rule["eventType"]))}
        value={shown.event}
        fault={half ? words.both : fault}
        onChange={(event) => change("event", event.target.value)}
      />
      <span className="dim">=</span>
      <TextField
        label={words.inEntryEvent}
        className="grow"
        mono
        options={optionsOf(context.entryEvent)}
        value={shown.entry}
        onChange={(event) => change("entry", event.target.value)}
      />
    </div>
  );
}

/** A field for the first word of something new. Enter or leaving the field adds it. */
export function NewItem({
  label,
  options,
  check,
  onAdd,
}: {
  label: string;
  options: readonly string[];
  check: (text: string) => string | undefined;
  onAdd: (text: string) => void;
}) {
  const [text, setText] = useState("");
  const fault = text === "" ? undefined : check(text);
  const add = () => {
    if (text === "" || fault !== undefined) return;
    setText("");
    onAdd(text);
  };
  return (
    <TextField
      label={label}
      mono
      options={options}
      value={text}
      fault={fault}
      help={text === "" ? undefined : words.pressEnter}
      onChange={(event) => setText(event.target.value)}
      onBlur={add}
      onKeyDown={(event) => event.key === "Enter" && add()}
    />
  );
}
