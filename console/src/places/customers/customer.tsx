import { useState } from "react";
import words from "#words/customers";
import { formatTime, formatUTC } from "../../format";
import type { JsonObject } from "../../json";
import { href } from "../../route";
import { say } from "../../say";
import { Button, LinkButton } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Failure, Skeleton } from "../../ui/states";
import { useCustomer } from "../people/use-customer";
import { Addresses } from "./addresses";
import { AttributesEditor } from "./editor";
import { SendEvent } from "./event";
import { Forget } from "./forget";
import { CustomerJourneys } from "./journeys";
import { Subscriptions } from "./subscriptions";
import { Tree } from "./tree";

/** One customer: attributes, journeys, and what an admin may do for them. */
export function Customer({ customer, admin }: { customer: string; admin: boolean }) {
  const profile = useCustomer(customer);
  const [forgetting, setForgetting] = useState(false);
  const [forgotten, setForgotten] = useState(false);
  const data = profile.data?.data;
  return (
    <div className="page customer">
      <div className="row row--3 launch-head">
        <a
          className="btn btn--icon btn--quiet"
          href={href({ name: "customers" })}
          aria-label={words.back}
          title={words.back}
        >
          <Icon name="arrow-left" />
        </a>
        <div className="grow">
          <h1 className="t5 mono people-id">{customer}</h1>
          {data && (
            <p className="dim" title={formatUTC(data.updatedAt)}>
              {say(words.changedAt, { time: formatTime(data.updatedAt) })}
            </p>
          )}
        </div>
        {admin && !forgotten && (
          <Button look="bad" icon="trash" onClick={() => setForgetting(true)}>
            {words.forget}
          </Button>
        )}
      </div>
      {forgotten ? (
        <div className="card">
          <div className="sec" role="status">
            <h2 className="t4">{words.forgotten}</h2>
            <p className="dim">{words.forgottenDetail}</p>
            <div className="row">
              <LinkButton href={href({ name: "customers" })}>{words.another}</LinkButton>
            </div>
          </div>
        </div>
      ) : (
        <div className="customer-grid">
          <div className="col gap-4">
            {profile.isError ? (
              <Failure error={profile.error} retry={() => void profile.refetch()} />
            ) : profile.data === undefined ? (
              <Skeleton />
            ) : (
              <Attributes
                customer={customer}
                attributes={(data?.attributes ?? null) as JsonObject | null}
                etag={profile.data?.etag ?? ""}
              />
            )}
            <SendEvent customer={customer} />
          </div>
          <div className="col gap-4">
            <CustomerJourneys customer={customer} />
            <Subscriptions customer={customer} />
            {profile.isSuccess && <Addresses customer={customer} attributes={(data?.attributes ?? {}) as JsonObject} />}
          </div>
        </div>
      )}
      {forgetting && (
        <Forget
          customer={customer}
          onClose={() => setForgetting(false)}
          onDone={() => {
            setForgetting(false);
            setForgotten(true);
          }}
        />
      )}
    </div>
  );
}

interface AttributesProps {
  customer: string;
  /** Null if nothing is stored. */
  attributes: JsonObject | null;
  etag: string;
}

function Attributes({ customer, attributes, etag }: AttributesProps) {
  const [editing, setEditing] = useState(false);
  const empty = attributes === null || Object.keys(attributes).length === 0;
  return (
    <section className="card" aria-label={words.attributes}>
      <div className="sec">
        <h2 className="sec-title">
          <span className="grow">{words.attributes}</span>
          {!editing && (
            <Button small icon="pencil" onClick={() => setEditing(true)}>
              {attributes === null ? words.add : words.edit}
            </Button>
          )}
        </h2>
        {editing ? (
          <AttributesEditor
            customer={customer}
            attributes={attributes ?? {}}
            etag={etag}
            onClose={() => setEditing(false)}
          />
        ) : empty ? (
          <p className="dim">{words.noAttributes}</p>
        ) : (
          <Tree value={attributes} />
        )}
      </div>
    </section>
  );
}
