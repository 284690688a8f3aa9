import { useState } from "react";
import words from "#words/sendtest";
import { api, call, type Schemas } from "../../../api";
import { channelOf } from "../../../channels";
import { JsonField } from "../../../forms/payload";
import { nameOf } from "../../../graph/describe";
import type { Editor } from "../../../graph/editor";
import type { GraphNode } from "../../../graph/types";
import type { Json, JsonObject } from "../../../json";
import { Problem } from "../../../problem";
import { useSettings } from "../../../queries";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";
import { SelectField, TextField } from "../../../ui/field";
import { Icon } from "../../../ui/icon";
import { explain, Failure } from "../../../ui/states";
import { readPersonas } from "../simulate/personas";
import { sayFinding } from "./findings";

interface SendTestProps {
  editor: Editor;
  node: GraphNode;
  onClose: () => void;
}

/** Where the last test went, so that the next one goes there, too. It is not kept beyond the page. */
const last: Record<string, string> = {};

/** Sends the message of a step to one address, filled as for one of the journey's personas. */
export default function SendTest({ editor, node, onClose }: SendTestProps) {
  const settings = useSettings().data;
  const channel = String(node.config?.["channel"] ?? "");
  const address = channelOf(settings, channel)?.address;
  const personas = readPersonas(editor.work.definition);
  const [persona, setPersona] = useState(personas[0]?.id ?? "");
  const [attributes, setAttributes] = useState<Json | undefined>(personas[0]?.test.customerAttributes);
  const [to, setTo] = useState(last[channel] ?? "");
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState<string>();
  const [error, setError] = useState<unknown>();
  const choose = (id: string) => {
    setPersona(id);
    setAttributes(personas.find((one) => one.id === id)?.test.customerAttributes);
  };
  const send = async () => {
    setBusy(true);
    setError(undefined);
    setSent(undefined);
    try {
      await editor.flush(); // the draft is what is sent
      const params = { path: { id: editor.journeyId, nodeId: node.id } };
      const body = { to, ...(attributes === undefined ? {} : { customerAttributes: attributes as JsonObject }) };
      const request = api.POST("/journeys/{id}/nodes/{nodeId}/send-test", {
        params,
        body: body as Schemas["TestSend"],
      });
      setSent((await call(request)).data.messageId);
      last[channel] = to;
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={say(words.title, { step: nameOf(node) })} onClose={onClose}>
      <form
        className="col gap-4"
        noValidate // the API says what is wrong with an address, beside the form
        onSubmit={(event) => {
          event.preventDefault();
          if (to !== "" && !busy) void send();
        }}
      >
        <p className="dim">{words.detail}</p>
        <TextField
          label={words.to}
          help={address === "email" ? words.toEmail : address === "phone" ? words.toPhone : words.toOther}
          type={address === "email" ? "email" : address === "phone" ? "tel" : "text"}
          maxLength={320}
          value={to}
          onChange={({ target }) => {
            setTo(target.value);
            setError(undefined);
          }}
        />
        {personas.length > 0 && (
          <SelectField
            label={words.persona}
            value={persona}
            options={[["", words.nobody] as const, ...personas.map(({ id, name }) => [id, name] as const)]}
            onChange={({ target }) => choose(target.value)}
          />
        )}
        <JsonField
          key={persona}
          label={words.attributes}
          value={attributes}
          fault={undefined}
          rows={6}
          object
          hideLabel={false}
          onChange={setAttributes}
        />
        {sent !== undefined && (
          <p className="row ok" role="status">
            <Icon name="check" />
            <span>
              {words.sent} <code className="t2">{sent}</code>
            </span>
          </p>
        )}
        {error !== undefined && <NotSent error={error} />}
        <div className="row">
          <span className="grow" />
          <Button onClick={onClose}>{words.close}</Button>
          <Button type="submit" look="primary" waits={to === "" ? words.toFirst : busy ? words.sending : undefined}>
            {sent === undefined ? words.send : words.sendAgain}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Why no test was sent, in words; what has none is shown as any failure. */
function NotSent({ error }: { error: unknown }) {
  const text = error instanceof Problem ? whyOf(error) : undefined;
  if (text === undefined) return <Failure error={error} title={words.notSent} />;
  return (
    <div className="help help--bad" role="alert">
      <Icon name="alert" small />
      <div>
        {text}
        {(error as Problem).faults.length > 0 && (
          <ul>
            {(error as Problem).faults.map(({ pointer, detail }) => (
              <li key={pointer}>{sayFinding(detail, pathIn(pointer))}</li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

/** The path of a fault within the step, or within what was asked. */
function pathIn(pointer: string): string[] {
  return pointer
    .replace(/^\/definition\/nodes\/\d+/, "")
    .split("/")
    .slice(1);
}

function whyOf(problem: Problem): string | undefined {
  const known: Readonly<Record<string, string>> = words.why;
  const { code, status, retryAfter } = problem;
  if (status === 429 && retryAfter !== undefined) return say(words.rate, { n: Math.max(1, Math.ceil(retryAfter)) });
  return Object.hasOwn(known, code) ? known[code] : status === 400 ? explain(problem).detail : undefined;
}
