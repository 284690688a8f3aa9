import { useState } from "react";
import words from "#words/journey";
import shell from "#words/shell";
import { Page } from "../../frame";
import { copyPlace } from "../../graph/draft-copy";
import { href } from "../../route";
import { session } from "../../session";
import { LinkButton } from "../../ui/button";
import { Empty } from "../../ui/states";
import { SaveAsNew } from "./save-as-new";

/** A journey that was deleted, or never was. What this tab could not save of it can become a new one. */
export function NotThere({ id }: { id: string }) {
  const [copy] = useState(() => {
    const { tenant = "", sub = "" } = session.get() ?? {};
    return copyPlace(tenant, sub, id).read();
  });
  return (
    <Page title={words.missing} place="journeys">
      <Empty title={words.missing}>
        <p className="dim">{copy ? words.missingKept : words.missingDetail}</p>
        <div className="row">
          {copy && <SaveAsNew id={id} name={words.copied} work={copy.work} />}
          <LinkButton href={href({ name: "journeys" })}>{shell.toJourneys}</LinkButton>
        </div>
      </Empty>
    </Page>
  );
}
