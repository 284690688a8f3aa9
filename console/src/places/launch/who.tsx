import type { ReactNode } from "react";
import words from "#words/launch";
import type { Schemas } from "../../api";
import { sentence } from "../../condition/sentence";
import { formatDuration } from "../../duration";
import { formatTime } from "../../format";
import type { Graph, Work } from "../../graph/types";
import { isObject, type Json, type JsonObject, numberOf, scalarText } from "../../json";
import { href } from "../../route";
import { rich, say } from "../../say";
import { LinkButton } from "../../ui/button";
import { entryOf } from "../graph/simulate/personas";
import { Facts, Item } from "./item";
import type { Journey } from "./use-launch";

function Change({ id, part }: { id: string; part: string }) {
  return (
    <LinkButton small href={href({ name: "graph", journey: id, mode: "build" }, { part })}>
      {words.change}
    </LinkButton>
  );
}

/** "event purchase, when total is more than 0, with the same cartId": an event and what it must meet. */
function eventText(type: string, condition: Json | undefined, match: Json | undefined): ReactNode {
  const same = isObject(match) ? scalarText(match["event"]) : "";
  const entry = isObject(match) ? scalarText(match["entry"]) : "";
  return (
    <>
      {rich(words.event, { event: <code>{type}</code> })}
      {isObject(condition) && rich(words.when, { condition: sentence(condition) })}
      {same !== "" &&
        (same === entry
          ? rich(words.sameAs, { field: <code>{same}</code> })
          : rich(words.equals, { field: <code>{same}</code>, entry: <code>{entry}</code> }))}
    </>
  );
}

/** The events that start the journey, with their conditions. */
function entries(journey: Journey, graph: Graph): { type: string; conditions: JsonObject[] }[] {
  const { config = {} } = entryOf(graph) ?? {};
  const own = journey.entryCondition;
  const types = [own?.event, scalarText(config["eventType"])].filter((type): type is string => !!type);
  const conditions = [own?.condition as Json | undefined, config["condition"]].filter(isObject);
  return [...new Set(types)].map((type) => ({ type, conditions }));
}

interface ComesInProps {
  id: string;
  journey: Journey;
  graph: Graph;
  days: Schemas["AnalyticsDay"][] | undefined;
}

/** Who comes in, how often and when. */
export function WhoComesIn({ id, journey, graph, days }: ComesInProps) {
  const events = entries(journey, graph);
  const [first] = events;
  return (
    <Item tone="info" icon="entry" title={words.whoComesIn} action={<Change id={id} part="entry" />}>
      <Facts
        rows={[
          ...events.map(({ type, conditions }) => {
            const condition = conditions.length > 1 ? { all: conditions } : conditions[0];
            return [words.on, eventText(type, condition, undefined)] as const;
          }),
          first === undefined && [words.on, words.byEnrollOnly],
          days !== undefined && days.length > 0 && [words.howMany, perDay(days)],
          [words.again, reentryText(journey.reentry)],
          [words.opens, openText(journey)],
          [words.stays, say(words.atMostDays, { n: journey.maxDurationDays })],
        ]}
      />
    </Item>
  );
}

/** The mean of the days since the first one on which someone came in. */
function perDay(series: Schemas["AnalyticsDay"][]): string {
  const first = series.findIndex((day) => day.enrolled > 0);
  if (first < 0) return words.nobodyLately;
  const days = series.slice(first);
  const sum = days.reduce((n, day) => n + day.enrolled, 0);
  if (days.length === 1) return say(words.today, { n: sum });
  const mean = sum / days.length;
  return mean < 1
    ? say(words.inAll, { n: sum, days: days.length })
    : say(words.aDay, { n: Math.round(mean), days: days.length });
}

function reentryText(reentry: Journey["reentry"]): string {
  if (reentry?.mode !== "afterExit") return words.never;
  const { minIntervalHours, max } = reentry;
  const parts = [
    words.afterLeft,
    minIntervalHours != null && say(words.afterEntry, { time: formatDuration(numberOf(minIntervalHours) * 3_600_000) }),
    max != null && say(words.atMostTimes, { n: numberOf(max) }),
  ];
  return parts.filter(Boolean).join(", ");
}

function openText({ entryFrom, entryUntil }: Journey): string {
  const now = Date.now();
  const from =
    entryFrom && Date.parse(entryFrom) > now ? say(words.opensAt, { time: formatTime(entryFrom) }) : words.atOnce;
  if (!entryUntil) return `${from}, ${words.staysOpen}`;
  return `${from}, ${say(Date.parse(entryUntil) > now ? words.closesAt : words.closedSince, { time: formatTime(entryUntil) })}`;
}

/** Who leaves before an exit, and what counts as converted. */
export function WhoLeaves({ id, work, journey }: { id: string; work: Work; journey: Journey }) {
  const exits = work.exitOn.filter(isObject);
  const when = work.exitWhen;
  const goal = work.goal;
  const condition = isObject(when) ? when["condition"] : undefined;
  return (
    <Item tone="info" icon="exit" title={words.whoLeaves} action={<Change id={id} part="exits" />}>
      <Facts
        rows={[
          ...exits.map(
            (exit) =>
              [
                words.on,
                <span key={scalarText(exit["eventType"])}>
                  {eventText(scalarText(exit["eventType"]), exit["condition"], exit["match"])}
                  {exit["as"] === "completed" && <span className="dim">, {words.asFinished}</span>}
                </span>,
              ] as const,
          ),
          isObject(condition) && [words.when_, sentence(condition)],
          exits.length === 0 && !isObject(when) && [words.on, say(words.noOne, { n: journey.maxDurationDays })],
          goal !== null && [
            words.counts,
            <span key="goal">
              {eventText(scalarText(goal["eventType"]), goal["condition"], goal["match"])}
              {say(numberOf(goal["windowDays"]) > 0 ? words.within : words.whileInside, {
                n: numberOf(goal["windowDays"]),
              })}
            </span>,
          ],
        ]}
      />
    </Item>
  );
}
