import type { ReactNode } from "react";
import words from "#words/launch";
import type { Schemas } from "../../api";
import type { Graph } from "../../graph/types";
import { scalarText } from "../../json";
import { useSettings } from "../../queries";
import { href } from "../../route";
import { rich, say } from "../../say";
import { LinkButton } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Facts, Item } from "./item";

type Named = { name: string; kind: string; address?: string };

/** How a name is served: by a setting of its own, by the default, or not at all. */
function find(
  settings: readonly Named[],
  name: string,
): { by: "own" | "default" | "none"; kind: string; address: string } {
  const own = settings.find((other) => other.name === name);
  const found = own ?? settings.find((other) => other.name === "*");
  const usual: Record<string, string> = { email: "email", sms: "phone" };
  return {
    by: own ? "own" : found ? "default" : "none",
    kind: found?.kind ?? "",
    address: found?.address ?? (found ? (usual[name] ?? "") : ""),
  };
}

function countNames(graph: Graph, type: string, field: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of graph.nodes) {
    const name = node.type === type ? scalarText(node.config?.[field]) : "";
    if (name !== "") counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** What is sent through which channels, and who decides. */
export function Sent({ graph }: { graph: Graph }) {
  const settings = useSettings().data;
  const channels = countNames(graph, "channel_action", "channel");
  const flows = countNames(graph, "nba_decision", "decisionFlowId");
  const addressed = settings && [...channels.keys()].some((name) => find(settings.channels, name).address !== "");
  return (
    <Item
      tone="info"
      icon="email"
      title={words.whatIsSent}
      action={
        <LinkButton small href={href({ name: "settings" })} aria-label={words.channelsOf}>
          {words.channels}
        </LinkButton>
      }
    >
      {channels.size + flows.size === 0 ? (
        <p className="dim">{words.nothingSent}</p>
      ) : (
        <Facts
          rows={[
            ...[...channels].map(
              ([name, n]) =>
                [
                  <Name key={name} name={name} settings={settings?.channels} />,
                  channelText(name, n, settings),
                ] as const,
            ),
            ...[...flows].map(
              ([name, n]) =>
                [<Name key={name} name={name} settings={settings?.decisions} />, flowText(name, n, settings)] as const,
            ),
          ]}
        />
      )}
      {addressed && <p className="help">{words.noAddress}</p>}
    </Item>
  );
}

function Name({ name, settings }: { name: string; settings: readonly Named[] | undefined }) {
  const unknown = settings !== undefined && find(settings, name).by === "none";
  return (
    <span className="row row--1">
      {name}
      {unknown && (
        <span className="warn">
          <Icon name="warning" small />
          <span className="sr">{words.unknown}</span>
        </span>
      )}
    </span>
  );
}

function channelText(name: string, n: number, settings: Schemas["Settings"] | undefined): ReactNode {
  const messages = say(words.messages, { n });
  if (settings === undefined) return messages;
  const { by, kind, address } = find(settings.channels, name);
  const through =
    by === "none" ? words.noChannel : by === "own" ? say(words.through, { kind }) : say(words.throughDefault, { kind });
  return (
    <>
      {messages}, {through}
      {address !== "" && rich(words.toAddress, { address: <code>{address}</code> })}
    </>
  );
}

function flowText(name: string, n: number, settings: Schemas["Settings"] | undefined): ReactNode {
  const decisions = say(words.decisions, { n });
  if (settings === undefined) return decisions;
  const { by, kind } = find(settings.decisions, name);
  return `${decisions}, ${by === "none" ? words.noFlow : say(words.decidedBy, { kind })}`;
}
