import { useState } from "react";
import words from "#words/topics";
import type { Schemas } from "../../api";
import { channelNames } from "../../channels";
import type { Fault } from "../../problem";
import { say } from "../../say";
import { Button, IconButton } from "../../ui/button";
import { Check, SelectField, TextField } from "../../ui/field";

type Topic = Schemas["Topic"];

/** A topic that is being edited. */
export interface Draft {
  /** Names it on the page, while its id may still change. */
  key: number;
  /** The id that messages name; "" for a new topic, which gets one of its name. */
  id: string;
  topic: Topic;
}

let lastKey = 0;

/** Returns topics for editing, by name. */
export function readTopics(topics: Schemas["Topics"]): Draft[] {
  return Object.entries(topics)
    .sort(([, a], [, b]) => a.name.localeCompare(b.name))
    .map(([id, topic]) => ({ key: ++lastKey, id, topic }));
}

/** Returns a new topic, for the channel that most have: the first. */
export function newTopic(settings: Schemas["Settings"], drafts: readonly Draft[]): Draft {
  const [channel] = drafts.at(-1)?.topic.channels ?? channelNames(settings).keys();
  return { key: ++lastKey, id: "", topic: { name: "", channels: channel ? [channel] : [], default: "out" } };
}

/** Returns the topics as the API takes them. New ones get ids that are not taken. */
export function writeTopics(drafts: readonly Draft[]): Schemas["Topics"] {
  const taken = new Set(drafts.map(({ id }) => id));
  return Object.fromEntries(
    drafts.map(({ id, topic }) => {
      const own = id || idOf(topic.name, taken);
      taken.add(own);
      return [own, topic];
    }),
  );
}

/** Makes an id of a name: "Offers & sales" is `offers-sales`. */
export function idOf(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
  const base = plain || "topic";
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(id)) return id;
  }
}

/** What a topic still needs; undefined if nothing. `longest` is the length of the longest name. */
export function faultOf({ topic }: Draft, longest: number): string | undefined {
  if (topic.name.trim() === "") return words.needsName;
  if ([...topic.name].length > longest) return say(words.longName, { n: longest });
  return topic.channels.length === 0 ? words.needsChannel : undefined;
}

interface FormProps {
  draft: Draft;
  /** The channels to offer. */
  channels: readonly string[];
  /** Whether other names of channels are served, too. */
  own: boolean;
  /** The length of the longest name. */
  longest: number;
  /** Faults of the API, by pointer into its body. */
  faults: readonly Fault[];
  onChange: (draft: Draft) => void;
  onRemove: () => void;
}

/** The form of a topic. */
export function TopicForm({ draft, channels, own, longest, faults, onChange, onRemove }: FormProps) {
  const { id, topic } = draft;
  const set = (part: Partial<Topic>) => onChange({ ...draft, topic: { ...topic, ...part } });
  const title = topic.name || words.newTopic;
  const at = `/topics/${id}`;
  const fault = id === "" ? undefined : faults.find(({ pointer }) => pointer === at || pointer.startsWith(`${at}/`));
  return (
    <div className="well col gap-3" role="group" aria-label={title}>
      <div className="row row--top topic-head">
        <TextField
          label={words.name}
          className="grow"
          help={id === "" ? words.nameHelp : say(words.idHelp, { id })}
          fault={fault?.detail}
          value={topic.name}
          maxLength={longest}
          onChange={(event) => set({ name: event.target.value })}
        />
        <SelectField
          label={words.atFirst}
          value={topic.default}
          options={[
            ["out", words.defaults.out],
            ["in", words.defaults.in],
          ]}
          onChange={(event) => set({ default: event.target.value as Topic["default"] })}
        />
        <span className="topic-remove">
          <IconButton icon="trash" label={say(words.remove, { topic: title })} onClick={onRemove} />
        </span>
      </div>
      <Channels topic={topic} channels={channels} own={own} set={(list) => set({ channels: list })} />
    </div>
  );
}

interface ChannelsProps {
  topic: Topic;
  channels: readonly string[];
  own: boolean;
  set: (channels: string[]) => void;
}

function Channels({ topic, channels, own, set }: ChannelsProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const all = [...new Set([...channels, ...topic.channels])];
  const add = () => {
    if (typed) set([...new Set([...topic.channels, typed])]);
    setTyped(null);
  };
  return (
    <div className="row row--wrap topic-channels" role="group" aria-label={words.channels}>
      {all.map((channel) => (
        <Check
          key={channel}
          label={channel}
          checked={topic.channels.includes(channel)}
          onChange={(on) => set(on ? [...topic.channels, channel] : topic.channels.filter((one) => one !== channel))}
        />
      ))}
      {own && typed === null && (
        <Button small look="quiet" icon="plus" onClick={() => setTyped("")}>
          {words.otherChannel}
        </Button>
      )}
      {typed !== null && (
        <TextField
          label={words.otherChannel}
          hideLabel
          mono
          autoFocus
          maxLength={128}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={add}
          onKeyDown={(event) => event.key === "Enter" && add()}
        />
      )}
    </div>
  );
}
