import words from "#words/forms";
import { isPath } from "../condition/rows";
import { Tokens } from "../condition/value";
import { type Json, scalarText } from "../json";
import { say } from "../say";
import { Choice, faultAt, Text } from "./fields";
import type { StepForm } from "./form";
import { PayloadEditor } from "./payload";
import { FaultLine } from "./wait";

const usual = ["email", "sms", "push", "webhook"];
const usualAddress: Record<string, string> = { email: "email", sms: "phone" };

/** What the settings say about a channel; undefined for one that does not exist. */
export function channelOf(settings: StepForm["settings"], name: string) {
  const named = settings?.channels.find((channel) => channel.name === name);
  const any = named ?? settings?.channels.find((channel) => channel.name === "*");
  if (!any) return undefined;
  return { kind: any.kind, address: any.address ?? (named ? undefined : usualAddress[name]) };
}

/** The form of a message. */
export function MessageForm(form: StepForm) {
  const { node, config, settings, faults, set } = form;
  const name = scalarText(config["channel"] ?? undefined);
  const channels = settings?.channels ?? [];
  const any = channels.find((channel) => channel.name === "*");
  const options = new Map([
    ...(any ? usual.map((one) => [one, any.kind] as const) : []),
    ...channels.filter((channel) => channel.name !== "*").map((channel) => [channel.name, channel.kind] as const),
  ]);
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
