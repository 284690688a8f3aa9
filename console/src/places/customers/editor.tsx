import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import words from "#words/customers";
import { type Answer, api, call, pathId, type Schemas } from "../../api";
import { InexactNumber, isObject, type JsonObject, parse } from "../../json";
import { askBeforeLeaving } from "../../kept";
import { hasStatus } from "../../problem";
import { keys } from "../../queries";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { TextArea } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { Failure } from "../../ui/states";

type Stored = Answer<Schemas["Customer"]>;

/** Writes attributes as they are edited: numbers as they were typed. */
export function writeAttributes(attributes: JsonObject): string {
  return JSON.stringify(attributes, null, 2);
}

/** Reads what was typed: the attributes, or what is wrong with the text. */
export function readAttributes(text: string): { attributes: JsonObject } | { fault: string } {
  try {
    const value = parse(text);
    return isObject(value) ? { attributes: value } : { fault: words.notObject };
  } catch (error) {
    if (error instanceof InexactNumber) return { fault: say(words.inexact, { number: error.message }) };
    return { fault: say(words.notJson, { detail: error instanceof Error ? error.message : "" }) };
  }
}

interface EditorProps {
  customer: string;
  attributes: JsonObject;
  /** "" if nothing is stored yet. */
  etag: string;
  onClose: () => void;
}

/** Edits attributes as JSON. What another editor saved meanwhile is shown before it is replaced. */
export function AttributesEditor({ customer, attributes, etag, onClose }: EditorProps) {
  const cache = useQueryClient();
  const [text, setText] = useState(() => writeAttributes(attributes));
  const [tag, setTag] = useState(etag);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [theirs, setTheirs] = useState<Stored | null>(null);
  const edited = text !== writeAttributes(attributes);
  useEffect(() => (edited ? askBeforeLeaving(() => true) : undefined), [edited]);
  const read = readAttributes(text);
  const path = { customerId: pathId(customer) };

  const save = async (over: string) => {
    if ("fault" in read) return;
    setBusy(true);
    setError(undefined);
    setTheirs(null);
    try {
      if (over === "" && (await readTheirs())) return; // the API has no condition for "nothing is stored"
      const header = over === "" ? {} : { "If-Match": over };
      const body = { attributes: read.attributes as Schemas["Attributes"] };
      const answer = await call(api.PUT("/customers/{customerId}", { params: { path, header }, body }));
      cache.setQueryData(keys.customer(customer), answer);
      onClose();
    } catch (problem) {
      if (!hasStatus(problem, 412)) setError(problem);
      // Their data was deleted: what is written here is all there is.
      else if (!(await readTheirs().catch(setError))) setError(problem);
    } finally {
      setBusy(false);
    }
  };
  /** Returns whether there are attributes of another editor, which are shown. */
  const readTheirs = async () => {
    try {
      setTheirs(await call(api.GET("/customers/{customerId}", { params: { path } })));
      return true;
    } catch (problem) {
      if (!hasStatus(problem, 404)) throw problem;
      setTag("");
      return false;
    }
  };
  const waits = "fault" in read ? read.fault : busy ? words.saving : undefined;
  return (
    <div className="col gap-3">
      <TextArea
        label={words.asJson}
        help={words.asJsonHelp}
        fault={"fault" in read ? read.fault : undefined}
        mono
        rows={Math.min(24, Math.max(6, text.split("\n").length + 1))}
        value={text}
        onChange={setText}
      />
      {theirs && (
        <Conflict
          theirs={theirs}
          take={() => {
            cache.setQueryData(keys.customer(customer), theirs);
            setText(writeAttributes(theirs.data.attributes as JsonObject));
            setTag(theirs.etag);
            setTheirs(null);
          }}
          replace={() => {
            setTag(theirs.etag);
            void save(theirs.etag);
          }}
        />
      )}
      {error !== undefined && <Failure error={error} title={words.notSaved} />}
      <div className="row">
        <Button onClick={onClose}>{words.cancel}</Button>
        {!theirs && (
          <Button look="primary" waits={waits} onClick={() => void save(tag)}>
            {words.save}
          </Button>
        )}
      </div>
    </div>
  );
}

function Conflict({ theirs, take, replace }: { theirs: Stored; take: () => void; replace: () => void }) {
  return (
    <div className="col gap-2 customer-conflict" role="alert">
      <p className="row">
        <Icon name="warning" />
        <span>
          <b>{words.conflict}</b> {words.conflictDetail}
        </span>
      </p>
      <pre className="codebox">{writeAttributes(theirs.data.attributes as JsonObject)}</pre>
      <div className="row">
        <Button onClick={take}>{words.takeTheirs}</Button>
        <Button look="bad" onClick={replace}>
          {words.replaceTheirs}
        </Button>
      </div>
    </div>
  );
}
