// What the settings say about channels.
import type { Schemas } from "./api";

type Settings = Schemas["Settings"];

/** The names that a channel without a list of its own usually serves. */
const usualChannels = ["email", "sms", "push", "webhook"];
const usualAddress: Record<string, string> = { email: "email", sms: "phone" };

/** What the settings say about a channel; undefined for one that does not exist. */
export function channelOf(settings: Settings | undefined, name: string) {
  const named = settings?.channels.find((channel) => channel.name === name);
  const any = named ?? settings?.channels.find((channel) => channel.name === "*");
  if (!any) return undefined;
  return { kind: any.kind, address: any.address ?? (named ? undefined : usualAddress[name]) };
}

/** The names of the channels to offer, with their kinds. */
export function channelNames(settings: Settings | undefined): Map<string, string> {
  const channels = settings?.channels ?? [];
  const any = channels.find(({ name }) => name === "*");
  return new Map([
    ...(any ? usualChannels.map((name) => [name, any.kind] as const) : []),
    ...channels.filter(({ name }) => name !== "*").map(({ name, kind }) => [name, kind] as const),
  ]);
}
