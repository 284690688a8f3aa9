import { memo, useState } from "react";
import words from "#words/simulate";
import { formatMinute } from "../../../format";
import { kindOf } from "../../../graph/describe";
import type { Graph } from "../../../graph/types";
import { isObject, type Json, type JsonObject } from "../../../json";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import type { Result, Step } from "./coverage";
import { pieces } from "./fill";
import { Preview } from "./preview";
import { momentText, resultText, shortText } from "./words-of";

/** All messages of a run, as they would be sent. */
export const Messages = memo(function Messages({
  result,
  graph,
  name,
}: {
  result: Result;
  graph: Graph;
  name: string;
}) {
  const sent = result.trace.filter((step) => step.nodeType === "channel_action" && step.detail?.channel !== undefined);
  const start = Date.parse(result.trace[0]?.at ?? "");
  const got = sent.filter((step) => step.result === "sent").length;
  return (
    <section className="sec sec--tight" aria-label={say(words.gets, { name })}>
      <h3 className="sec-title">
        <span className="grow">{say(words.gets, { name })}</span>
        {sent.length > 0 && <span className="dim t2">{say(words.messages, { n: got })}</span>}
      </h3>
      {sent.length === 0 && <p className="dim">{say(words.noMessages, { name })}</p>}
      {sent.map((step) => (
        <Message key={step.step} step={step} start={start} template={templateOf(graph, step.nodeId)} />
      ))}
      {result.truncated === true && <p className="help">{words.truncated}</p>}
    </section>
  );
});

function templateOf(graph: Graph, id: string): JsonObject {
  const config = graph.nodes.find((node) => node.id === id)?.config ?? {};
  return { ...(isObject(config["payload"]) ? config["payload"] : {}), templateId: config["templateId"] };
}

function Message({ step, start, template }: { step: Step; start: number; template: JsonObject }) {
  const { channel = "", to, payload } = step.detail ?? {};
  const fields = (payload ?? {}) as JsonObject;
  const time = formatMinute(step.at);
  const day = shortText(step.at, start);
  const { word } = kindOf({ id: step.nodeId, type: "channel_action", config: { channel } });
  const title = [word, template["templateId"]].filter((text) => typeof text === "string" && text !== "").join(", ");
  const { subject } = fields;
  return (
    <article className="mail" aria-label={say(words.message, { channel: word, time })}>
      <div className="mail-head">
        <time className="dim" dateTime={step.at} title={momentText(step.at)}>
          {day}
        </time>
        <span>{day === time ? title : `${title}, ${time}`}</span>
        <Head label={words.to}>
          {to !== undefined && <span className="filled">{to}</span>}
          {step.result.startsWith("skipped_") && <span className="warn">{resultText(step, undefined)}</span>}
        </Head>
        {typeof subject === "string" && (
          <Head label={words.subject}>
            <span className="med">
              <Filled template={template["subject"]} text={subject} />
            </span>
          </Head>
        )}
      </div>
      <Body channel={channel} fields={fields} template={template} />
    </article>
  );
}

function Head({ label, children }: { label: string; children: React.ReactNode }) {
  const shown = Array.isArray(children) ? children.some(Boolean) : children;
  if (!shown) return null;
  return (
    <>
      <span className="dim">{label}</span>
      <span className="clip">{children}</span>
    </>
  );
}

interface BodyProps {
  channel: string;
  fields: JsonObject;
  template: JsonObject;
}

function Body({ channel, fields, template }: BodyProps) {
  const { subject, text, html, message, ...others } = fields;
  const words1 = [text, message].find((value) => typeof value === "string") as string | undefined;
  const bubble = channel !== "email" && subject === undefined && words1 !== undefined;
  const key = words1 === text ? "text" : "message";
  const empty = words1 === undefined && html === undefined && Object.keys(others).length === 0;
  return (
    <div className="mail-body">
      {words1 !== undefined && (
        <p className={bubble ? "bubble k-message lines" : "lines"}>
          <Filled template={template[key]} text={words1} />
        </p>
      )}
      {typeof html === "string" && <Html html={html} subject={String(subject ?? "")} />}
      {Object.keys(others).length > 0 && <pre className="codebox">{JSON.stringify(others, null, 2)}</pre>}
      {empty && subject === undefined && <p className="dim">{words.noPayload}</p>}
    </div>
  );
}

function Html({ html, subject }: { html: string; subject: string }) {
  const [open, setOpen] = useState(false);
  return (
    <div className="row">
      <Button small icon="text" onClick={() => setOpen(true)}>
        {words.asSent}
      </Button>
      {open && (
        <Dialog wide title={say(words.asSentTitle, { subject })} onClose={() => setOpen(false)}>
          <Preview html={html} />
          <div className="row">
            <Button onClick={() => setOpen(false)}>{words.close}</Button>
          </div>
        </Dialog>
      )}
    </div>
  );
}

function Filled({ template, text }: { template: Json | undefined; text: string }) {
  return pieces(template, text).map((piece, i) =>
    piece.filled ? (
      <span key={i} className="filled">
        {piece.text}
      </span>
    ) : (
      piece.text
    ),
  );
}
