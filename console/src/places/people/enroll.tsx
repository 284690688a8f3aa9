import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import words from "#words/people";
import { newKey, type Schemas } from "../../api";
import { scalarText } from "../../json";
import { askBeforeLeaving } from "../../kept";
import { keys } from "../../queries";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Check, Segments, TextArea } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { flatten } from "./attributes";
import { type Fault, type PeopleFile, type Person, readPeople } from "./csv";
import { enrollCalls } from "./enroll-calls";
import { EnrollRunView } from "./enroll-result";
import { beginEnroll, continueEnroll, type EnrollRun, type Meaning, workEnroll } from "./enroll-run";

const previewRows = 5;
/** Columns that messages need as attributes. */
const addresses = /mail|phone|mobile/i;

/** Enrolls people by pasted ids or a CSV file, with a verdict on each. */
export default function Enroll({ journey, onClose }: { journey: Schemas["Journey"]; onClose: () => void }) {
  const cache = useQueryClient();
  const [text, setText] = useState("");
  const [chosen, setMeaning] = useState<"properties" | "attributes">();
  const [typed, setTyped] = useState(true);
  const [run, setRun] = useState<EnrollRun | null>(null);
  const stopper = useRef(new AbortController());
  useEffect(() => () => stopper.current.abort(), []);
  const file = useMemo(() => readPeople(text, typed), [text, typed]);
  const meaning = chosen ?? (file.columns.some((name) => addresses.test(name)) ? "attributes" : "properties");
  const busy = run?.state === "running" || run?.state === "stopping";
  useEffect(() => (busy ? askBeforeLeaving(() => true) : undefined), [busy]);

  const work = async (start: EnrollRun) => {
    const stop = new AbortController();
    stopper.current = stop;
    setRun(start);
    await workEnroll(start, enrollCalls(journey.id), setRun, stop.signal, newKey);
    void cache.invalidateQueries({ queryKey: keys.people(journey.id) });
    void cache.invalidateQueries({ queryKey: keys.analytics(journey.id) });
  };
  const close = () => {
    if (!busy) onClose();
  };
  return (
    <Dialog wide title={say(words.enrollTitle, { name: journey.name })} onClose={close}>
      {run === null ? (
        <>
          <EnrollText text={text} onChange={setText} />
          {text.trim() !== "" && (
            <>
              {file.columns.length > 0 && (
                <Columns meaning={meaning} setMeaning={setMeaning} typed={typed} setTyped={setTyped} />
              )}
              <Preview file={file} />
              <Faults faults={file.faults} />
            </>
          )}
          <div className="row">
            <span className="grow dim">{file.people.length > 0 && words.enrollHelp}</span>
            <Button onClick={onClose}>{words.cancel}</Button>
            <Button
              look="primary"
              icon="plus"
              waits={file.people.length === 0 ? words.enrollNothing : undefined}
              onClick={() => void work(beginEnroll(file.people, meaningOf(file, meaning), newKey))}
            >
              {file.people.length === 0 ? words.enrollNow : say(words.enrollN, { n: file.people.length })}
            </Button>
          </div>
        </>
      ) : (
        <EnrollRunView
          run={run}
          stop={() => {
            stopper.current.abort();
            setRun({ ...run, state: "stopping" });
          }}
          again={() => void work(continueEnroll(run, newKey))}
          close={close}
        />
      )}
    </Dialog>
  );
}

function meaningOf(file: PeopleFile, chosen: "properties" | "attributes"): Meaning {
  return file.columns.length === 0 ? "none" : chosen;
}

function EnrollText({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const read = (files: FileList | null) => {
    const file = files?.[0];
    if (file) void file.text().then(onChange);
  };
  return (
    <div
      role="group"
      aria-label={words.enrollText}
      className="col gap-2"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        if (event.dataTransfer.files.length === 0) return;
        event.preventDefault();
        read(event.dataTransfer.files);
      }}
    >
      <TextArea label={words.enrollText} help={words.enrollTextHelp} rows={6} mono value={text} onChange={onChange} />
      <div>
        <Button icon="upload" onClick={() => input.current?.click()}>
          {words.enrollFile}
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          accept=".csv,.tsv,.txt,text/csv,text/plain"
          aria-label={words.enrollFile}
          onChange={(event) => {
            read(event.target.files);
            event.target.value = "";
          }}
        />
      </div>
    </div>
  );
}

interface ColumnsProps {
  meaning: "properties" | "attributes";
  setMeaning: (meaning: "properties" | "attributes") => void;
  typed: boolean;
  setTyped: (typed: boolean) => void;
}

/** What the columns beside the id are. */
function Columns({ meaning, setMeaning, typed, setTyped }: ColumnsProps) {
  return (
    <div className="col gap-2">
      <span className="label">{words.columnsAre}</span>
      <Segments
        label={words.columnsAre}
        value={meaning}
        options={[
          ["properties", words.asProperties],
          ["attributes", words.asAttributes],
        ]}
        onChange={setMeaning}
      />
      <p className="help">{meaning === "properties" ? words.asPropertiesHelp : words.asAttributesHelp}</p>
      <Check label={words.typed} checked={typed} onChange={setTyped} />
    </div>
  );
}

function Preview({ file }: { file: PeopleFile }) {
  const { people, columns } = file;
  if (people.length === 0) return null;
  return (
    <div className="card people-table">
      <table className="table table--dense">
        <caption className="sr">{words.preview}</caption>
        <thead>
          <tr>
            <th scope="col" className="num people-check">
              {words.line}
            </th>
            <th scope="col">{words.person}</th>
            {columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {people.slice(0, previewRows).map((person) => (
            <PreviewRow key={person.id} person={person} columns={columns} />
          ))}
        </tbody>
      </table>
      <p className="t2 dim people-caption">
        {say(words.previewOf, { n: people.length, shown: Math.min(previewRows, people.length) })}
      </p>
    </div>
  );
}

function PreviewRow({ person, columns }: { person: Person; columns: string[] }) {
  const values = new Map(flatten(person.values));
  return (
    <tr>
      <td className="num dim">{person.line}</td>
      <td className="mono">{person.id}</td>
      {columns.map((name) => {
        const value = values.get(name);
        const tone = typeof value === "string" ? undefined : "med";
        return (
          <td key={name} className={tone}>
            {value === undefined ? <span className="dimmer">–</span> : scalarText(value)}
          </td>
        );
      })}
    </tr>
  );
}

/** Every line with a fault, by its number. */
function Faults({ faults }: { faults: readonly Fault[] }) {
  if (faults.length === 0) return null;
  return (
    <section className="people-faults" aria-label={words.faultyLines}>
      <h3 className="semi bad row">
        <Icon name="alert" />
        {say(words.faultyN, { n: faults.length })}
      </h3>
      <ul className="t2 scroll">
        {faults.slice(0, 500).map((fault) => (
          <li key={`${fault.line} ${fault.code}`}>
            {say(words.faults[fault.code], { line: String(fault.line), about: fault.about ?? "" })}
          </li>
        ))}
      </ul>
    </section>
  );
}
