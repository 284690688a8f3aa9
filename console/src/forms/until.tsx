import { useState } from "react";
import conditionWords from "#words/condition";
import words from "#words/forms";
import { namesAt } from "../condition/names";
import { isPath, unitNames } from "../condition/rows";
import { formatUTC, locale } from "../format";
import { isExact, isObject, type Json, type JsonObject, scalarText } from "../json";
import { rich } from "../say";
import { Check, SelectField, Switch, TextField } from "../ui/field";
import { Choice, faultAt, NumberField, Text } from "./fields";
import type { StepForm } from "./form";
import { withKey } from "./keys";
import { zones } from "./zones";

/** The days of the week as the API names them. */
export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const dayName = new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: "UTC" });

/** The name of a day of the week. 2024 began on a Monday. */
export function nameOfDay(day: string): string {
  return dayName.format(new Date(Date.UTC(2024, 0, 1 + weekdays.indexOf(day))));
}

type Props = StepForm & {
  /** What is set; undefined while a date is still to be named. */
  until: JsonObject | undefined;
  mode: "date" | "time";
  change: (until: JsonObject) => void;
};

/** The moment at which a wait ends: of a field, one for all, or a time of day. */
export function Until(props: Props) {
  const { until, mode, change, faults } = props;
  const set = (key: string, value: Json | undefined) => until && change(withKey(until, key, value));
  return (
    <>
      {mode === "date" ? <DateFields {...props} /> : <TimeFields {...props} />}
      {until && !("at" in until) && (
        <Choice
          label={words.zone}
          value={until["timezone"]}
          fault={faultAt(faults, "/until/timezone")}
          options={[["customer", words.zoneCustomer], ...zones()]}
          onChange={(zone) => set("timezone", zone === "customer" ? undefined : zone)}
        />
      )}
      {until && (
        <Choice
          label={words.otherwise}
          value={until["otherwise"]}
          fault={faultAt(faults, "/until/otherwise")}
          options={[
            ["continue", words.otherwiseContinue],
            ["exit", words.otherwiseExit],
          ]}
          onChange={(value) => set("otherwise", value)}
        />
      )}
    </>
  );
}

function DateFields({ until, change, context, faults }: Props) {
  const [asked, setAsked] = useState<"field" | "at">();
  const of = asked ?? (until && "at" in until ? "at" : "field");
  const options = namesAt(context)
    .filter(({ kind }) => kind === "date" || kind === "string" || kind === undefined)
    .map(({ path, of: whose }) => [path, whose] as const);
  const rest = (other: string): JsonObject => {
    const { timezone, otherwise } = until ?? {};
    const kept = other === "at" ? {} : { timezone };
    return Object.fromEntries(Object.entries({ ...kept, otherwise }).filter(([, value]) => value !== undefined));
  };
  const choose = (next: "field" | "at") => {
    setAsked(next === "field" ? "field" : undefined);
    if (next === "at") change({ at: inOneDay(), ...rest("at") });
  };
  const named = until !== undefined && "field" in until;
  const nameField = (field: Json | undefined) => {
    setAsked(undefined);
    change(named ? { ...until, field } : { field, ...rest("field") });
  };
  return (
    <>
      <SelectField
        label={words.whichDate}
        value={of}
        options={[
          ["field", words.dateOfField],
          ["at", words.dateAt],
        ]}
        onChange={(event) => choose(event.target.value as "field" | "at")}
      />
      {of === "at" ? (
        <Moment
          label={words.moment}
          value={until?.["at"]}
          fault={faultAt(faults, "/until/at")}
          onChange={(at) => at !== undefined && change({ ...until, at })}
        />
      ) : (
        <Text
          label={words.field}
          mono
          max={256}
          required={conditionWords.needsField}
          check={(text) => (isPath(text) ? undefined : words.needsPath)}
          options={options}
          value={named ? until["field"] : undefined}
          fault={faultAt(faults, "/until/field")}
          onChange={nameField}
        />
      )}
      {named && of === "field" && <OfField until={until} change={change} faults={faults} />}
    </>
  );
}

function inOneDay(): string {
  const at = new Date(Date.now() + 86_400_000);
  at.setMinutes(0, 0, 0);
  return at.toISOString();
}

/** What moves the date of a field: days before or after it, the time of day, each year. */
function OfField({ until, change, faults }: Pick<Props, "change" | "faults"> & { until: JsonObject }) {
  const offset = isObject(until["offset"]) ? until["offset"] : undefined;
  const n = Number(isExact(offset?.["value"]) ? offset["value"].rawJSON : (offset?.["value"] ?? 0));
  const unit = scalarText(offset?.["unit"]) || "days";
  const [side, setSide] = useState<"on" | "before" | "after">();
  const shown = offset === undefined ? "on" : n < 0 ? "before" : n > 0 ? "after" : (side ?? "on");
  const set = (key: string, value: Json | undefined) => change(withKey(until, key, value));
  const move = (next: "on" | "before" | "after") => {
    setSide(next);
    const by = Math.abs(n) || 1;
    set("offset", next === "on" ? undefined : { unit, ...offset, value: next === "before" ? -by : by });
  };
  const most = { minutes: 525_600, hours: 8760, days: 365 }[unit] ?? 365;
  return (
    <>
      <div className="row row--top">
        <SelectField
          label={words.moved}
          className="grow"
          value={shown}
          options={[
            ["on", words.onDay],
            ["before", words.before],
            ["after", words.after],
          ]}
          onChange={(event) => move(event.target.value as "on" | "before" | "after")}
        />
        {offset && (
          <>
            <NumberField
              label={conditionWords.number}
              className="form-number"
              whole
              required
              min={1}
              max={most}
              value={Math.abs(n)}
              fault={faultAt(faults, "/until/offset")}
              onChange={(value) => set("offset", { ...offset, value: (n < 0 ? -1 : 1) * Number(scalarText(value)) })}
            />
            <SelectField
              label={conditionWords.unit}
              className="form-unit"
              value={unit}
              options={unitNames.map((one) => [one, conditionWords[unitKey(one)]] as const)}
              onChange={(event) => set("offset", { ...offset, unit: event.target.value })}
            />
          </>
        )}
      </div>
      <TextField
        label={words.timeOfDay}
        type="time"
        help={words.timeHelp}
        value={scalarText(until["time"] ?? undefined)}
        fault={faultAt(faults, "/until/time")}
        onChange={(event) => set("time", event.target.value || undefined)}
      />
      <Switch
        label={words.yearly}
        checked={until["yearly"] === true}
        onChange={(yearly) => set("yearly", yearly || undefined)}
      />
    </>
  );
}

function unitKey(unit: (typeof unitNames)[number]) {
  return ({ minutes: "unitMinutes", hours: "unitHours", days: "unitDays" } as const)[unit];
}

function TimeFields({ until, change, faults }: Props) {
  const chosen = Array.isArray(until?.["days"]) ? until["days"].map(scalarText) : weekdays;
  const toggle = (day: string, on: boolean) => {
    const next = weekdays.filter((one) => (one === day ? on : chosen.includes(one)));
    if (until && next.length > 0) change(withKey(until, "days", next.length === 7 ? undefined : next));
  };
  return (
    <>
      <TextField
        label={words.timeOfDay}
        type="time"
        value={scalarText(until?.["time"])}
        fault={faultAt(faults, "/until/time")}
        onChange={(event) => event.target.value !== "" && until && change({ ...until, time: event.target.value })}
      />
      <div className="field" role="group" aria-label={words.days}>
        <span className="label">{words.days}</span>
        <div className="days">
          {weekdays.map((day) => (
            <Check key={day} label={nameOfDay(day)} checked={chosen.includes(day)} onChange={(on) => toggle(day, on)} />
          ))}
        </div>
      </div>
    </>
  );
}

interface MomentProps {
  label: string;
  value: Json | undefined;
  fault?: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** An instant, shown in the reader's own time zone. It stays as it was written until it is changed. */
export function Moment({ label, value, fault, onChange }: MomentProps) {
  const text = scalarText(value ?? undefined);
  const at = Date.parse(text);
  const known = !Number.isNaN(at);
  return (
    <TextField
      label={label}
      type="datetime-local"
      value={known ? localText(at) : ""}
      fault={fault}
      help={
        known ? rich(words.momentHelp, { at: <code>{formatUTC(at).replace(".000Z", "Z")}</code> }) : text || undefined
      }
      onChange={(event) => {
        const next = new Date(event.target.value);
        onChange(event.target.value === "" || Number.isNaN(next.getTime()) ? undefined : next.toISOString());
      }}
    />
  );
}

function localText(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
