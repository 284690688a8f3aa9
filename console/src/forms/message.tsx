import words from "#words/forms";
import { channelNames, channelOf } from "../channels";
import { isPath } from "../condition/rows";
import { Tokens } from "../condition/value";
import { type Json, scalarText } from "../json";
import { say } from "../say";
import { FaultLine } from "../ui/field";
import { Consent } from "./consent";
import { Choice, faultAt, Text } from "./fields";
import type { StepForm } from "./form";
import { PayloadEditor } from "./payload";

/** The form of a message. */
export function MessageForm(form: StepForm) {
  const { node, config, settings, faults, set } = form;
  const name = scalarText(config["channel"] ?? undefined);
  const options = channelNames(settings);
  const channel = channelOf(settings, name);
  const help =
    channel &&
    (channel.address
      ? say(words.channelNeeds, { kind: channel.kind, address: channel.address })
      : say(words.channelKind, { kind: channel.kind }));
  const missing = name !== "" && settings && !channel ? words.noChannel : undefined;
  return (
    <>
      <div className="sec">
        <Text
          label={words.channel}
          mono
          options={[...options]}
          value={config["channel"]}
          fault={faultAt(faults, "/channel") ?? missing}
          help={name === "" ? say(words.channelChoices, { list: [...options.keys()].join(", ") }) : help}
          onChange={(value) => set("channel", value)}
        />
        <Text
          label={words.template}
          help={words.templateHelp}
          value={config["templateId"]}
          fault={faultAt(faults, "/templateId")}
          onChange={(value) => set("templateId", value)}
        />
      </div>
      <Consent {...form} />
      <PayloadEditor {...form} shape={shapeOf(name, channel?.kind ?? "")} />
      <div className="sec">
        <Choice
          label={words.onErrorMessage}
          value={config["onError"]}
          fault={faultAt(faults, "/onError")}
          options={[
            ["fail", words.errorFail],
            ["continue", words.errorContinue],
          ]}
          onChange={(value) => set("onError", value)}
        />
        <Choice
          label={words.onUncertain}
          value={config["onUncertain"]}
          fault={faultAt(faults, "/onUncertain")}
          options={[
            ["skip", words.uncertainSkip],
            ["resend", words.uncertainResend],
          ]}
          onChange={(value) => set("onUncertain", value)}
        />
        <PathList
          label={words.keep}
          help={say(words.keepHelp, { id: node.id })}
          paths={config["keep"]}
          options={[]}
          fault={faultAt(faults, "/keep")}
          onChange={(paths) => set("keep", paths)}
        />
      </div>
    </>
  );
}

/** The fields that a message of a channel usually has. */
function shapeOf(name: string, kind: string): readonly string[] {
  if (kind === "ses" || /mail/i.test(name)) return ["subject", "text", "html"];
  if (/^(sns|end-user-messaging)$/.test(kind) || /sms|text/i.test(name)) return ["message"];
  return [];
}

interface PathListProps {
  label: string;
  help?: string;
  paths: Json | undefined;
  options: readonly string[];
  fault: string | undefined;
  onChange: (paths: Json | undefined) => void;
}

/** A list of paths. Without any, its key goes. */
export function PathList({ label, help, paths, options, fault, onChange }: PathListProps) {
  const change = (next: Json) => onChange(Array.isArray(next) && next.length === 0 ? undefined : next);
  return (
    <div className="field">
      <span className="label">{label}</span>
      <Tokens
        label={label}
        values={Array.isArray(paths) ? paths : []}
        kind="string"
        options={options}
        check={(path) => typeof path === "string" && isPath(path)}
        onChange={change}
      />
      <FaultLine text={fault} />
      {help !== undefined && <p className="help">{help}</p>}
    </div>
  );
}
