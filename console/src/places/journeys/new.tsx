import { useState } from "react";
import words from "#words/create";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TextField } from "../../ui/field";
import { Failure } from "../../ui/states";
import { useCreate } from "./create";
import { examples } from "./examples";
import { Template } from "./template";

interface NewProps {
  onClose: () => void;
  onImport: () => void;
}

/** Begins a journey: empty, from an example, or from a file. */
export default function New({ onClose, onImport }: NewProps) {
  const [name, setName] = useState("");
  const { create, busy, error } = useCreate();
  return (
    <Dialog title={words.title} onClose={onClose} wide>
      <form
        className="row row--3 row--end"
        onSubmit={(event) => {
          event.preventDefault();
          void create(undefined, name);
        }}
      >
        <TextField
          className="grow"
          label={words.name}
          value={name}
          maxLength={255}
          placeholder={words.untitled}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" look="primary" icon="plus" {...(busy === "empty" ? { waits: words.creating } : {})}>
          {words.empty}
        </Button>
        <Button icon="upload" onClick={onImport}>
          {words.importFile}
        </Button>
      </form>
      {error !== undefined && <Failure error={error} title={words.couldNot} />}
      <h3 className="sec-title">{words.examples}</h3>
      <div className="tmpls">
        {examples.map((example) => (
          <Template
            key={example.id}
            example={example}
            busy={busy === example.id}
            choose={() => void create(example, name)}
          />
        ))}
      </div>
    </Dialog>
  );
}
