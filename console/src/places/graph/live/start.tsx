import { useState } from "react";
import words from "#words/live";
import type { Schemas } from "../../../api";
import { workOf } from "../../../graph/stored";
import { isObject, type Json } from "../../../json";
import { href } from "../../../route";
import { rich } from "../../../say";
import { announce } from "../../../ui/announce";
import { Button, LinkButton } from "../../../ui/button";
import { suggestTest } from "../simulate/suggest";
import type { Analytics } from "./figures";

type Journey = Schemas["Journey"];

interface StartProps {
  figures: Analytics;
  journey: Journey | undefined;
  /** Whether people entered with other versions. */
  several: boolean;
}

/** Shown before the first customer enters: says how to send one in. */
export function Start({ figures, journey, several }: StartProps) {
  const title = several ? words.nobodyVersion : words.nobodyTitle;
  if (!journey || journey.status === "paused") {
    return (
      <section className="sec">
        <h2 className="sec-title">{title}</h2>
        <p className="dim">{journey ? words.nobodyPaused : words.nobodyViewer}</p>
      </section>
    );
  }
  const event = entryEvent(journey);
  const command = event ? eventCommand(journey, event) : enrollCommand(figures.journeyId);
  return (
    <section className="sec">
      <h2 className="sec-title">{title}</h2>
      <p className="dim">{event ? rich(words.nobodyEvent, { event: <code>{event}</code> }) : words.nobodyEnroll}</p>
      <code className="codebox">{command}</code>
      <div className="row">
        <Copy text={command} />
        <LinkButton icon="people" href={href({ name: "people", journey: journey.id }, { enroll: "1" })}>
          {words.orEnroll}
        </LinkButton>
      </div>
    </section>
  );
}

function Copy({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    announce(words.copied);
  };
  return (
    <Button icon={copied ? "check" : "copy"} onClick={() => void copy()}>
      {copied ? words.copied : words.copy}
    </Button>
  );
}

/** The event that starts a journey: that of its settings, or else of its entry. */
export function entryEvent(journey: Journey): string | undefined {
  const own = journey.entryCondition?.event;
  const entry = journey.definition.nodes?.find((node) => node.type === "entry_trigger");
  const config = entry?.config;
  const inGraph = isObject(config) ? config["eventType"] : undefined;
  return own ?? (typeof inGraph === "string" && inGraph !== "" ? inGraph : undefined);
}

/** The call that reports the event, with what the journey reads of it. */
function eventCommand(journey: Journey, eventType: string): string {
  const work = workOf(journey);
  const { entryEvent } = suggestTest({
    work,
    entryCondition: journey.entryCondition as Json,
    addressOf: () => undefined,
  });
  return curl("/events", { customerId: "customer-1", eventType, properties: entryEvent?.properties });
}

function enrollCommand(id: string): string {
  return curl(`/journeys/${id}/enroll`, { customerId: "customer-1" });
}

function curl(path: string, body: object): string {
  const json = JSON.stringify(body).replaceAll("'", "'\\''");
  return [
    `curl -X POST ${location.origin}/api/v1${path}`,
    `  -H "Authorization: Bearer $TOKEN"`,
    `  -H "Content-Type: application/json"`,
    `  -d '${json}'`,
  ].join(" \\\n");
}
