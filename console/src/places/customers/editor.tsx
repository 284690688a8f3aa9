import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import words from "#words/customers";
import { type Answer, api, call, pathId, type Schemas } from "../../api";
import { InexactNumber, isObject, type JsonObject, parse } from "../../json";
import { askBeforeLeaving } from "../../kept";
import { hasStatus } from "../../problem";
import { keys } from "../../queries";
import { say } from "../../say";
import { TextArea } from "../../ui/field";
import { SaveFoot } from "../../ui/save-foot";

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
      <SaveFoot
        waits={"fault" in read ? read.fault : undefined}
        busy={busy}
        error={error}
        notSaved={words.notSaved}
        theirs={theirs}
        conflict={words.conflict}
        onClose={onClose}
        onSave={() => void save(tag)}
        onTake={(stored) => {
          cache.setQueryData(keys.customer(customer), stored);
          setText(writeAttributes(stored.data.attributes as JsonObject));
          setTag(stored.etag);
          setTheirs(null);
        }}
        onReplace={({ etag: over }) => {
          setTag(over);
          void save(over);
        }}
      >
        {({ data }) => <pre className="codebox">{writeAttributes(data.attributes as JsonObject)}</pre>}
      </SaveFoot>
    </div>
  );
}
