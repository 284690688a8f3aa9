import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import words from "#words/customers";
import { api, call, pathId, type Schemas } from "../../api";
import { channelNames, channelOf } from "../../channels";
import { formatTime } from "../../format";
import type { JsonObject } from "../../json";
import { hasStatus } from "../../problem";
import { keys, useSettings } from "../../queries";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Icon } from "../../ui/icon";
import { Failure, Skeleton } from "../../ui/states";
import { parsePath, valueAt } from "../graph/simulate/paths";

/** An address of a customer, and the channel that sends to it. */
interface Address {
  channel: string;
  address: string;
}

/** Returns the addresses in a customer's attributes, by channel. */
export function addressesOf(settings: Schemas["Settings"], attributes: JsonObject): Address[] {
  return [...channelNames(settings).keys()].flatMap((channel) => {
    const field = channelOf(settings, channel)?.address;
    const address = field === undefined ? undefined : valueAt(attributes, parsePath(field) ?? [field]);
    return typeof address === "string" && address !== "" ? [{ channel, address }] : [];
  });
}

/** Whether the addresses of a customer take messages. */
export function Addresses({ customer, attributes }: { customer: string; attributes: JsonObject }) {
  const { data: settings } = useSettings();
  const addresses = settings && addressesOf(settings, attributes);
  return (
    <section className="card" aria-label={words.addresses}>
      <div className="sec">
        <h2 className="sec-title">{words.addresses}</h2>
        {addresses === undefined ? (
          <Skeleton rows={2} />
        ) : addresses.length === 0 ? (
          <p className="dim">{words.noAddresses}</p>
        ) : (
          <ul className="customer-topics">
            {addresses.map((one) => (
              <AddressRow key={one.channel} customer={customer} {...one} />
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

function useSuppression(customer: string, { channel, address }: Address) {
  const cache = useQueryClient();
  const key = [...keys.customer(customer), "suppression", channel, address];
  const params = { path: { channel: pathId(channel), address: pathId(address) } };
  const read = useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      try {
        return (await call(api.GET("/suppressions/{channel}/{address}", { params, signal }))).data;
      } catch (error) {
        if (hasStatus(error, 404)) return null; // it takes messages
        throw error;
      }
    },
  });
  const suppress = useMutation({
    mutationFn: async () => (await call(api.PUT("/suppressions/{channel}/{address}", { params }))).data,
    onSuccess: (stored) => cache.setQueryData(key, stored),
  });
  const lift = useMutation({
    mutationFn: () => call(api.DELETE("/suppressions/{channel}/{address}", { params })),
    onSuccess: () => cache.setQueryData(key, null),
  });
  return { read, suppress, lift };
}

function AddressRow({ customer, channel, address }: Address & { customer: string }) {
  const { read, suppress, lift } = useSuppression(customer, { channel, address });
  const [asking, setAsking] = useState(false);
  const stored = read.data;
  const names = { channel, address };
  return (
    <li className="col gap-1">
      <p className="customer-address">
        <span className="med">{address}</span> <span className="dim">{channel}</span>
      </p>
      <div className="row row--wrap">
        <p className="t2 grow" role="status">
          {stored === null && <span className="dim">{words.takesMessages}</span>}
          {stored && (
            <span className="warn row row--1">
              <Icon name="warning" small />
              {say(words.suppressed[stored.reason], { time: formatTime(stored.at) })}
            </span>
          )}
        </p>
        {stored && (
          <Button small onClick={() => setAsking(true)}>
            {words.lift}
          </Button>
        )}
        {stored === null && (
          <Button
            small
            aria-label={say(words.suppressThis, names)}
            waits={suppress.isPending ? words.saving : undefined}
            onClick={() => suppress.mutate()}
          >
            {words.suppress}
          </Button>
        )}
      </div>
      {read.isError && <Failure error={read.error} retry={() => void read.refetch()} />}
      {suppress.error && <Failure error={suppress.error} title={words.notSaved} />}
      {asking && stored && (
        <Lift
          {...names}
          reason={stored.reason}
          busy={lift.isPending}
          error={lift.error}
          onClose={() => setAsking(false)}
          onLift={() => lift.mutate(undefined, { onSuccess: () => setAsking(false) })}
        />
      )}
    </li>
  );
}

interface LiftProps extends Address {
  reason: Schemas["SuppressionReason"];
  busy: boolean;
  error: unknown;
  onClose: () => void;
  onLift: () => void;
}

/** Asks before an address takes messages again: mailing one that bounced or complained harms all mail of the tenant. */
function Lift({ channel, address, reason, busy, error, onClose, onLift }: LiftProps) {
  return (
    <Dialog title={say(words.liftTitle, { address })} onClose={onClose}>
      <p>{say(words.liftWhy[reason], { channel })}</p>
      {error !== null && <Failure error={error} title={words.notSaved} />}
      <div className="row">
        <span className="grow" />
        <Button onClick={onClose}>{words.cancel}</Button>
        <Button look="primary" waits={busy ? words.saving : undefined} onClick={onLift}>
          {words.liftNow}
        </Button>
      </div>
    </Dialog>
  );
}
