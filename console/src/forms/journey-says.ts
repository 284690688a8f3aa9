// What the settings of a journey say, in one sentence for each part.
import words from "#words/forms";
import { explain, fill, type Part, periodText } from "../condition/sentence";
import type { Work } from "../graph/types";
import { isObject, type Json, type JsonObject, scalarText } from "../json";
import type { Section } from "./journey-form";
import type { OwnChange } from "./own-edits";
import { sayEntry, sayEvent } from "./says";

/** Returns what a part of the settings says. */
export function saySection(section: Section, own: OwnChange, work: Work): Part[] {
  switch (section) {
    case "entry":
      return sayEntrySection(own, work);
    case "reentry":
      return sayReentry((own.reentry ?? {}) as JsonObject);
    case "exits":
      return sayExits(work);
    case "goal":
      return sayGoal(work.goal);
    case "zone":
      return fill(words.sayZoneOf, { zone: bold(work.timezone), time: length(own.maxDurationDays, "days") });
  }
}

const bold = (value: Json | undefined): Part[] => [{ b: scalarText(value) }];
const length = (value: Json | undefined, unit: string): Part[] => [{ b: periodText({ value, unit }) }];

function sayEntrySection(own: OwnChange, work: Work): Part[] {
  const entry = (own.entryCondition ?? {}) as JsonObject;
  const config = work.definition.nodes.find((node) => node.type === "entry_trigger")?.config ?? {};
  const conditions = [entry["condition"], config["condition"]].filter(isObject);
  const [only] = conditions;
  const condition = conditions.length > 1 ? { all: conditions } : only;
  return sayEntry({ eventType: config["eventType"], condition }, scalarText(entry["event"]));
}

function sayReentry(reentry: JsonObject): Part[] {
  if (reentry["mode"] !== "afterExit") return [words.sayNoReenter];
  const { minIntervalHours, max } = reentry;
  return fill(words.sayReenter, {
    after: minIntervalHours ? fill(words.sayReenterAfter, { time: length(minIntervalHours, "hours") }) : [],
    times: max ? fill(words.sayReenterTimes, { n: bold(max) }) : [],
  });
}

function sayExits({ exitOn, exitWhen }: Work): Part[] {
  const events = exitOn.filter(isObject).map((exit) => sayEvent(exit));
  const condition = exitWhen?.["condition"];
  const joined = events.flatMap((event, i) => (i === 0 ? event : [words.or, ...event]));
  const out = events.length === 0 ? [] : fill(words.sayExits, { events: joined });
  const when = isObject(condition) ? fill(words.sayExitWhen, { condition: explain(condition) }) : [];
  if (out.length === 0 && when.length === 0) return [words.sayNoExits];
  const [first, ...rest] = out;
  const said = typeof first === "string" ? [first.charAt(0).toUpperCase() + first.slice(1), ...rest] : out;
  return said.length > 0 && when.length > 0 ? [...said, " ", ...when] : [...said, ...when];
}

function sayGoal(goal: JsonObject | null): Part[] {
  if (goal === null) return [words.sayNoGoal];
  const event = sayEvent(goal, "{event}");
  return fill(words.sayGoal, { event, time: length(goal["windowDays"], "days") });
}
