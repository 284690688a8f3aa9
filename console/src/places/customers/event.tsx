import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import words from "#words/customers";
import { api, call, newKey, type Schemas } from "../../api";
import { keys, useNames } from "../../queries";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { TextArea, TextField } from "../../ui/field";
import { Failure } from "../../ui/states";
import { readAttributes } from "./editor";

type Accepted = Schemas["EventAccepted"];

/** Sends one event of a customer, as their shop would. Journeys act on it. */
export function SendEvent({ customer }: { customer: string }) {
  const [open, setOpen] = useState(false);
  return (
    <section className="card" aria-label={words.sendEvent}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="sec sec--tight semi">{words.sendEvent}</summary>
        {open && <EventForm customer={customer} />}
      </details>
    </section>
  );
}

function EventForm({ customer }: { customer: string }) {
  const cache = useQueryClient();
  const names = useNames();
  const [type, setType] = useState("");
  const [text, setText] = useState("{}");
  const [eventId, setEventId] = useState(newKey);
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<Accepted | null>(null);
  const [error, setError] = useState<unknown>();
  const read = readAttributes(text);
  const fault = "fault" in read ? read.fault : undefined;

  const send = async () => {
    if ("fault" in read) return;
    setBusy(true);
    setError(undefined);
    setResult(null);
    try {
      const body = { customerId: customer, eventType: type, eventId, properties: read.attributes };
      const { data } = await call(api.POST("/events", { body: body as Schemas["EventRequest"] }));
      setResult(data as Accepted);
      setEventId(newKey());
      void cache.invalidateQueries({ queryKey: keys.customer(customer) });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="sec"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <p className="help">{words.sendEventHelp}</p>
      <TextField
        label={words.eventType}
        value={type}
        maxLength={128}
        options={(names.data?.eventTypes ?? []).map(({ name }) => name)}
        onChange={(event) => setType(event.target.value)}
      />
      <TextArea label={words.eventProperties} mono rows={4} value={text} fault={fault} onChange={setText} />
      <div className="row">
        <Button
          type="submit"
          icon="event"
          waits={fault ?? (type === "" ? words.eventTypeFirst : busy ? words.saving : undefined)}
        >
          {words.send}
        </Button>
        <span role="status">{result && resultText(result)}</span>
      </div>
      {error !== undefined && <Failure error={error} />}
    </form>
  );
}

function resultText({ started, ended, notStarted }: Accepted): string {
  const parts = [
    started.length > 0 && say(words.started, { n: started.length }),
    ended.length > 0 && say(words.ended, { n: ended.length }),
    notStarted.length > 0 &&
      say(words.notStarted, { codes: [...new Set(notStarted.map(({ code }) => code))].join(", ") }),
  ];
  return parts.filter(Boolean).join(" ") || words.noEffect;
}
