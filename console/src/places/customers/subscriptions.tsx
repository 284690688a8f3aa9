import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import words from "#words/customers";
import { api, call, pathId, type Schemas } from "../../api";
import { formatTime, locale } from "../../format";
import { keys, useSettings } from "../../queries";
import { say } from "../../say";
import { Switch } from "../../ui/field";
import { Failure, Skeleton } from "../../ui/states";

const list = new Intl.ListFormat(locale);

type Read = Schemas["Subscriptions"];

/** What a customer is subscribed to. A switch saves what it says at once. */
export function Subscriptions({ customer }: { customer: string }) {
  const cache = useQueryClient();
  const { data: settings } = useSettings();
  const params = { path: { customerId: pathId(customer) } };
  const key = [...keys.customer(customer), "subscriptions"];
  const read = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) =>
      (await call(api.GET("/customers/{customerId}/subscriptions", { params, signal }))).data,
  });
  const change = useMutation({
    mutationFn: async (topics: Record<string, boolean>) =>
      (await call(api.PUT("/customers/{customerId}/subscriptions", { params, body: { topics } }))).data,
    onSuccess: (stored) => cache.setQueryData(key, stored),
  });
  return (
    <section className="card" aria-label={words.subscriptions}>
      <div className="sec">
        <h2 className="sec-title">{words.subscriptions}</h2>
        {read.isError ? (
          <Failure error={read.error} retry={() => void read.refetch()} />
        ) : read.data === undefined ? (
          <Skeleton rows={2} />
        ) : (
          <Topics
            read={read.data}
            topics={settings?.topics ?? {}}
            saving={change.isPending ? change.variables : {}}
            change={(topics) => change.isPending || change.mutate(topics)}
          />
        )}
        {change.error && <Failure error={change.error} title={words.notSaved} />}
      </div>
    </section>
  );
}

interface TopicsProps {
  read: Read;
  topics: Schemas["Topics"];
  /** What is on its way to be saved. */
  saving: Record<string, boolean>;
  change: (topics: Record<string, boolean>) => void;
}

function Topics({ read, topics, saving, change }: TopicsProps) {
  const ids = Object.keys(read.topics);
  if (ids.length === 0) return <p className="dim">{words.noTopics}</p>;
  const nameOf = (id: string) => (Object.hasOwn(topics, id) && topics[id]?.name) || id;
  return (
    <ul className="customer-topics">
      {ids
        .sort((a, b) => nameOf(a).localeCompare(nameOf(b)))
        .map((id) => (
          <li key={id}>
            <Switch
              label={nameOf(id)}
              checked={saving[id] ?? read.topics[id] === true}
              onChange={(on) => change({ [id]: on })}
            />
            <p className="help">
              {sinceText(read, id)}
              {Object.hasOwn(topics, id) &&
                ` ${say(words.topicChannels, { list: list.format(topics[id]?.channels ?? []) })}`}
            </p>
          </li>
        ))}
    </ul>
  );
}

function sinceText({ topics, since }: Read, id: string): string {
  const at = Object.hasOwn(since, id) ? since[id] : undefined;
  if (at === undefined) return topics[id] ? words.defaultIn : words.defaultOut;
  return say(topics[id] ? words.saidIn : words.saidOut, { time: formatTime(at) });
}
