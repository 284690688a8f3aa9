import { type DragEvent, useRef, useState } from "react";
import words from "#words/create";
import { newKey, type Schemas } from "../../api";
import { Problem } from "../../problem";
import { go } from "../../route";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { TextArea, TextField } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { Failure } from "../../ui/states";
import { createJourney } from "./post";
import { faultsOf, readImport, type TextFault } from "./read-import";

/** Makes a journey from JSON. What the API does not like is shown at its line. */
export default function Import({ onClose }: { onClose: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const [faults, setFaults] = useState<TextFault[]>([]);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  // The same key while nothing is changed, so that a repeat makes no second journey.
  const key = useRef(newKey());
  const change = (next: string) => {
    key.current = newKey();
    setText(next);
    setFaults([]);
    setError(undefined);
  };
  const take = async (file: File | undefined) => {
    if (!file) return;
    if (name === "") setName(file.name.replace(/\.json$/i, ""));
    change(await file.text());
  };
  const run = async () => {
    const imported = readImport(text, name.trim() || words.untitled);
    if ("line" in imported) {
      setFaults([imported]);
      return;
    }
    setBusy(true);
    setFaults([]);
    setError(undefined);
    try {
      const journey = await createJourney(imported.body as unknown as Schemas["JourneyDraft"], key.current);
      go({ name: "graph", journey: journey.id, mode: "build" });
    } catch (problem) {
      const found = problem instanceof Problem ? faultsOf(problem, text, imported) : [];
      setFaults(found);
      if (found.length === 0) setError(problem);
      setBusy(false);
    }
  };
  const show = (offset: number) => {
    const area = box.current?.querySelector("textarea");
    area?.focus();
    const end = text.indexOf("\n", offset);
    area?.setSelectionRange(offset, end < 0 ? text.length : end);
    if (area) area.scrollTop = (area.scrollHeight * offset) / Math.max(1, text.length) - area.clientHeight / 2;
  };
  const onDrop = (event: DragEvent<HTMLTextAreaElement>) => {
    const file = event.dataTransfer.files[0];
    if (!file) return; // text: the field takes it
    event.preventDefault();
    void take(file);
  };
  return (
    <Dialog title={words.importTitle} onClose={onClose} wide>
      <p className="dim">{words.importDetail}</p>
      <div ref={box}>
        <TextArea label={words.json} value={text} onChange={change} onDrop={onDrop} rows={14} mono help={words.drop} />
      </div>
      {faults.length > 0 && <Faults faults={faults} show={show} />}
      {error !== undefined && <Failure error={error} title={words.couldNot} />}
      <div className="row row--3 row--end">
        <TextField
          className="grow"
          label={words.importName}
          value={name}
          maxLength={255}
          placeholder={words.untitled}
          onChange={(event) => {
            key.current = newKey();
            setName(event.target.value);
          }}
        />
        <FileButton take={(file) => void take(file)} />
        <Button
          look="primary"
          icon="upload"
          {...(text.trim() === "" ? { waits: words.pasteFirst } : {})}
          {...(busy ? { waits: words.importing } : {})}
          onClick={() => void run()}
        >
          {words.importIt}
        </Button>
      </div>
    </Dialog>
  );
}

function FileButton({ take }: { take: (file: File | undefined) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept="application/json,.json"
        aria-label={words.choose}
        hidden
        onChange={(event) => take(event.target.files?.[0])}
      />
      <Button icon="download" onClick={() => input.current?.click()}>
        {words.choose}
      </Button>
    </>
  );
}

function Faults({ faults, show }: { faults: TextFault[]; show: (offset: number) => void }) {
  return (
    <section className="import-faults" role="alert" aria-label={say(words.faults, { n: faults.length })}>
      <ul>
        {faults.slice(0, 50).map((fault) => (
          <li key={`${fault.offset} ${fault.detail}`}>
            <button type="button" className="fault fault--bad" onClick={() => show(fault.offset)}>
              <Icon name="alert" />
              <span className="nowrap med">{say(words.line, { n: fault.line })}</span>
              <span className="grow">{fault.detail}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
