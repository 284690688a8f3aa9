import { useState } from "react";
import words from "#words/customers";
import { Page } from "../../frame";
import { go, href } from "../../route";
import { session } from "../../session";
import { useStore } from "../../store";
import { Button, LinkButton } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { IdInput } from "../../ui/id-input";
import { Empty } from "../../ui/states";
import { Customer } from "./customer";
import "../../style/people.css";

/** Customers: found by their exact id, since no list of them is kept to browse. */
export default function Customers({ customer }: { customer?: string | undefined }) {
  const who = useStore(session);
  if (who?.role === "viewer") {
    return (
      <Page title={words.title}>
        <Empty title={words.figuresOnly}>
          <LinkButton href={href({ name: "journeys" })}>{words.toJourneys}</LinkButton>
        </Empty>
      </Page>
    );
  }
  return (
    <Page title={customer ?? words.title} place="customers">
      {customer === undefined ? <LookUp /> : <Customer customer={customer} admin={who?.role === "admin"} />}
    </Page>
  );
}

function LookUp() {
  return (
    <div className="center">
      <div className="col gap-4 empty customer-find">
        <h1 className="t5">{words.findTitle}</h1>
        <p className="dim">{words.findDetail}</p>
        <FindForm />
      </div>
    </div>
  );
}

/** The field for an exact id. */
export function FindForm() {
  const [text, setText] = useState("");
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (text !== "") go({ name: "customer", customer: text });
      }}
    >
      <span className="search grow">
        <Icon name="search" />
        <IdInput label={words.exactId} value={text} onChange={setText} />
      </span>
      <Button type="submit" look="primary">
        {words.find}
      </Button>
    </form>
  );
}
