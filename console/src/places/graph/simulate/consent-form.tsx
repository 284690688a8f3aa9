import words from "#words/simulate";
import { nameOf } from "../../../graph/describe";
import { type Graph, reports } from "../../../graph/types";
import { useSettings } from "../../../queries";
import { say } from "../../../say";
import { IconButton } from "../../../ui/button";
import { SelectField, Switch } from "../../../ui/field";
import { ListSection } from "./list-section";
import type { PersonaReport, PersonaTest } from "./personas";
import { When } from "./when";

interface ConsentProps {
  test: PersonaTest;
  set: (change: (test: PersonaTest) => PersonaTest) => void;
  graph: Graph;
  faultOf: (pointer: string) => string | undefined;
}

/** What a persona is subscribed to, and what is reported of the messages that they are sent. */
export function ConsentForm(props: ConsentProps) {
  const messages = props.graph.nodes.filter(({ type }) => type === "channel_action");
  if (messages.length === 0) return null;
  const topics = [
    ...new Set(messages.flatMap(({ config }) => (typeof config?.["topic"] === "string" ? config["topic"] : []))),
  ];
  return (
    <>
      {topics.length > 0 && <Subscriptions {...props} topics={topics} />}
      <Reports {...props} />
    </>
  );
}

function Subscriptions({ test, set, topics }: ConsentProps & { topics: readonly string[] }) {
  const known = useSettings().data?.topics ?? {};
  return (
    <div className="sec">
      <h3 className="sec-title">{words.subscriptions}</h3>
      {topics.map((topic) => (
        <Switch
          key={topic}
          label={(Object.hasOwn(known, topic) && known[topic]?.name) || topic}
          checked={test.subscriptions?.[topic] !== false}
          onChange={(on) => set((t) => withSubscription(t, topic, on))}
        />
      ))}
    </div>
  );
}

/** Returns the test with a person who is subscribed to a topic, which is the default, or not. */
export function withSubscription(test: PersonaTest, topic: string, on: boolean): PersonaTest {
  const { subscriptions, ...rest } = test;
  const { [topic]: _, ...others } = subscriptions ?? {};
  const next = on ? others : { ...others, [topic]: false };
  return Object.keys(next).length > 0 ? { ...rest, subscriptions: next } : rest;
}

function Reports({ test, set, graph, faultOf }: ConsentProps) {
  const messages = graph.nodes.filter(({ type }) => type === "channel_action");
  const list = test.feedback ?? [];
  const change = (next: PersonaReport[]) =>
    set(({ feedback: _, ...rest }) => (next.length > 0 ? { ...rest, feedback: next } : rest) as PersonaTest);
  const first = messages[0]?.id ?? "";
  return (
    <ListSection
      title={words.reports}
      add={words.addReport}
      onAdd={() => change([...list, { step: first, is: "clicked", afterHours: 1 }])}
      fault={faultOf("/feedback")}
    >
      {list.map((report, i) => (
        <div key={i} role="group" aria-label={say(words.reportN, { n: i + 1 })} className="event-form">
          <div className="row row--top">
            <SelectField
              className="grow"
              label={words.ofMessage}
              value={report.step}
              options={messages.map((node) => [node.id, nameOf(node)] as const)}
              onChange={({ target }) => change(list.with(i, { ...report, step: target.value }))}
            />
            <IconButton
              small
              icon="trash"
              label={say(words.removeReport, { n: i + 1 })}
              onClick={() => change(list.toSpliced(i, 1))}
            />
          </div>
          <SelectField
            label={words.report}
            value={report.is}
            options={reports.map((kind) => [kind, words.reportWords[kind]] as const)}
            onChange={({ target }) => change(list.with(i, { ...report, is: target.value }))}
          />
          <When
            hours={report.afterHours}
            units={words.sentUnits}
            onChange={(afterHours) => change(list.with(i, { ...report, afterHours }))}
          />
        </div>
      ))}
    </ListSection>
  );
}
