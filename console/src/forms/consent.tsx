import words from "#words/forms";
import type { Schemas } from "../api";
import { scalarText } from "../json";
import { say } from "../say";
import { SelectField } from "../ui/field";
import { faultAt } from "./fields";
import type { StepForm } from "./form";
import { withKey } from "./keys";

type Topics = Schemas["Topics"];

/** What keeps customers from a message with a topic, or lets it reach more than it should; undefined if nothing. */
export function topicProblem(topics: Topics, topic: string, channel: string): string | undefined {
  const known = Object.hasOwn(topics, topic) ? topics[topic] : undefined;
  if (known === undefined) return say(words.topicUnknown, { topic });
  if (channel === "" || known.channels.includes(channel)) return undefined;
  return say(words.topicChannel, { topic: known.name, channel });
}

/** Whom a message is for: the subscribers of a topic, or everyone for what people need. */
export function Consent({ config, settings, faults, put }: StepForm) {
  const topics = settings?.topics ?? {};
  const channel = scalarText(config["channel"] ?? undefined);
  const topic = scalarText(config["topic"] ?? undefined);
  const transactional = config["transactional"] === true;
  const value = topic !== "" ? `topic:${topic}` : transactional ? "transactional" : "";
  const fitting = Object.entries(topics).filter(
    ([id, { channels }]) => id === topic || channel === "" || channels.includes(channel),
  );
  const options = [
    ["", words.topicNone] as const,
    ...fitting.map(([id, { name }]) => [`topic:${id}`, say(words.topicOf, { topic: name })] as const),
    ...(topic !== "" && !Object.hasOwn(topics, topic)
      ? [[`topic:${topic}`, say(words.topicOf, { topic })] as const]
      : []),
    ["transactional", words.transactional] as const,
  ];
  const choose = (next: string) => {
    const id = next.startsWith("topic:") ? next.slice(6) : undefined;
    const kept = withKey(config, "topic", id);
    put(withKey(kept, "transactional", next === "transactional" ? true : undefined), "topic");
  };
  const problem = settings && topic !== "" ? topicProblem(topics, topic, channel) : undefined;
  return (
    <div className="sec">
      <SelectField
        label={words.topic}
        value={value}
        options={options}
        fault={faultAt(faults, "/topic") ?? faultAt(faults, "/transactional") ?? problem}
        help={problem === undefined ? <Help topics={topics} topic={topic} transactional={transactional} /> : undefined}
        onChange={(event) => choose(event.target.value)}
      />
    </div>
  );
}

function Help({ topics, topic, transactional }: { topics: Topics; topic: string; transactional: boolean }) {
  if (transactional) return words.transactionalHelp;
  if (topic !== "") return topics[topic]?.default === "in" ? words.topicInHelp : words.topicOutHelp;
  if (Object.keys(topics).length === 0) return words.noTopics;
  return <span className="warn">{words.topicMissing}</span>;
}
