// Topics, and what is reported of messages.
import { expect } from "@playwright/test";
import type { Backend } from "./backend";
import { must } from "./backend";
import { apiURL } from "./env";

/** Gives the tenant the topic `news` for email alone, to which everyone is subscribed at first. */
export async function oneTopic(backend: Backend): Promise<void> {
  const topics = { news: { name: "News", channels: ["email"], default: "in" as const } };
  must(await backend.api.PUT("/tenant-settings", { body: { topics } }));
}

interface Sent {
  messageId: string;
  customerId: string;
  unsubscribe?: { url: string };
}

/** The messages of a journey that were sent, tests too. */
export async function inbox(journey: string): Promise<Sent[]> {
  const answer = await fetch(`${apiURL}/_local/messages?journeyId=${journey}`);
  return ((await answer.json()) as { data: Sent[] }).data;
}

/** Suppresses an address. */
export async function suppress(backend: Backend, channel: string, address: string): Promise<void> {
  must(await backend.api.PUT("/suppressions/{channel}/{address}", { params: { path: { channel, address } } }));
}

/** Waits until customers got a message of a journey. Returns the ids of the messages. */
export async function untilSent(journey: string, ...customers: string[]): Promise<string[]> {
  let ids: (string | undefined)[] = [];
  await expect
    .poll(
      async () => {
        const data = await inbox(journey);
        ids = customers.map((customer) => data.find(({ customerId }) => customerId === customer)?.messageId);
        return ids.filter(Boolean).length;
      },
      { timeout: 40_000 },
    )
    .toBe(customers.length);
  return ids.map(String);
}

/** Plays the provider, which reports what became of a message. */
export async function playFeedback(tenant: string, messageId = "", ...kinds: string[]): Promise<void> {
  for (const kind of kinds) {
    const body = JSON.stringify({ tenant, messageId, kind });
    const answer = await fetch(`${apiURL}/_local/feedback`, { method: "POST", body });
    expect(answer.status, await answer.text()).toBe(202);
  }
}
