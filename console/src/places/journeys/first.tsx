import words from "#words/create";

import { say } from "../../say";
import { Button } from "../../ui/button";
import { Empty, Failure } from "../../ui/states";
import { useCreate } from "./create";
import { examples } from "./examples";
import { Template } from "./template";

interface FirstProps {
  isEditor: boolean;
  onImport: () => void;
}

/** The list of a tenant that has no journeys yet. */
export default function First({ isEditor, onImport }: FirstProps) {
  if (!isEditor) {
    return (
      <Empty title={words.noneViewer}>
        <p className="dim">{words.noneViewerDetail}</p>
      </Empty>
    );
  }
  return (
    <>
      <div className="only-phone">
        <Empty title={words.nonePhone}>
          <p className="dim">{words.nonePhoneDetail}</p>
        </Empty>
      </div>
      <Begin onImport={onImport} />
    </>
  );
}

function Begin({ onImport }: { onImport: () => void }) {
  const { create, busy, error } = useCreate();
  return (
    <div className="page page--first col gap-6 only-wide">
      <div className="row row--4 row--end">
        <div className="grow">
          <h1 className="t5">{words.first}</h1>
          <p className="dim">{words.firstDetail}</p>
        </div>
        <Button icon="upload" onClick={onImport}>
          {words.import}
        </Button>
        <Button
          look="primary"
          icon="plus"
          {...(busy === "empty" ? { waits: words.creating } : {})}
          onClick={() => void create(undefined)}
        >
          {words.empty}
        </Button>
      </div>
      {error !== undefined && <Failure error={error} title={words.couldNot} />}
      <div className="tmpls">
        {examples.slice(0, 3).map((example) => (
          <Template key={example.id} example={example} busy={busy === example.id} choose={() => void create(example)} />
        ))}
      </div>
      <FirstEvent />
    </div>
  );
}

const event =
  '{"customerId":"cus_1","eventType":"cart_updated","properties":{"cartId":"7","total":129.9,"currency":"EUR"}}';

/** The call that sends the first person into the first example. */
function FirstEvent() {
  const url = `${location.origin}/api/v1/events`;
  const command = `curl -X POST ${url} \\\n  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n  -d '${event}'`;
  return (
    <section className="col gap-2" aria-label={words.event}>
      <div className="row">
        <h2 className="semi">{words.event}</h2>
        <span className="dim">{say(words.eventDetail, { customer: "cus_1" })}</span>
      </div>
      <div className="codebox">
        {command}
        <Button small icon="copy" onClick={() => void navigator.clipboard.writeText(command)}>
          {words.copy}
        </Button>
      </div>
    </section>
  );
}
