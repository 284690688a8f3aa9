import { useState } from "react";
import words from "#words/ask";
import done from "#words/verbs";
import { api, call } from "../../api";
import { hasStatus } from "../../problem";
import { useAnalytics, useJourney } from "../../queries";
import { rich, say } from "../../say";
import { announce } from "../../ui/announce";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { FaultLine, TextField } from "../../ui/field";
import { Failure, Skeleton } from "../../ui/states";
import type { Row } from "./list";
import { readListAgain } from "./post";
import { setStatus } from "./verbs";

interface AskProps {
  verb: "archive" | "delete";
  row: Pick<Row, "id" | "name">;
  onClose: () => void;
  /** After it was done, if not only the list shows it. */
  onDone?: () => void;
}

/** Asks before people leave a journey: before it is archived or deleted. */
export default function Ask({ verb, row, onClose, onDone }: AskProps) {
  const journey = useJourney(row.id);
  const figures = useAnalytics(row.id);
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const name = journey.data?.data.name ?? row.name;
  const isArchive = verb === "archive";
  const etag = journey.data?.etag;
  const run = async () => {
    if (etag === undefined) return;
    setBusy(true);
    setError(undefined);
    try {
      await (isArchive ? setStatus(row.id, "archived", etag) : remove(row.id, etag));
      await readListAgain(isArchive ? row.id : undefined);
      announce(say(isArchive ? done.doneArchive : done.doneDelete, { name }));
      onClose();
      onDone?.();
    } catch (problem) {
      if (hasStatus(problem, 412)) await Promise.all([journey.refetch(), figures.refetch()]);
      setError(problem);
      setBusy(false);
    }
  };
  const counts = figures.data?.data.enrollments;
  return (
    <Dialog title={say(isArchive ? words.archiveTitle : words.deleteTitle, { name })} onClose={onClose}>
      {journey.error || figures.error ? (
        <Failure
          error={journey.error ?? figures.error}
          retry={() => void Promise.all([journey.refetch(), figures.refetch()])}
        />
      ) : counts === undefined || etag === undefined ? (
        <Skeleton rows={3} />
      ) : (
        <form
          className="col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            if (!busy && (isArchive || typed === name)) void run();
          }}
        >
          <p>{say(counts.active === 0 ? noneInside(isArchive) : inside(isArchive), { n: counts.active })}</p>
          {!isArchive && counts.failed > 0 && <p>{say(words.failedToo, { n: counts.failed })}</p>}
          <p className="dim">{isArchive ? words.archiveKept : words.deleteKept}</p>
          {!isArchive && (
            <div className="col gap-1">
              <p>{rich(words.type, { name: <b>{name}</b> })}</p>
              <TextField label={words.typeName} hideLabel value={typed} onChange={(e) => setTyped(e.target.value)} />
            </div>
          )}
          {hasStatus(error, 412) ? (
            <FaultLine alert text={words.meanwhile} />
          ) : (
            error !== undefined && <Failure error={error} title={words.couldNot} />
          )}
          <div className="row">
            <Button
              type="submit"
              look="bad"
              icon={isArchive ? "archived" : "trash"}
              {...(!isArchive && typed !== name ? { waits: words.typeFirst } : {})}
              {...(busy ? { waits: isArchive ? words.archiving : words.deleting } : {})}
            >
              {isArchive ? words.archive : words.delete}
            </Button>
            <Button onClick={onClose}>{words.cancel}</Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

const noneInside = (isArchive: boolean) => (isArchive ? words.archiveNobody : words.deleteNobody);
const inside = (isArchive: boolean) => (isArchive ? words.archiveInside : words.deleteInside);

/** Deletes a journey. One that is gone already is what was wanted: the answer may have been lost. */
async function remove(id: string, etag: string) {
  try {
    await call(api.DELETE("/journeys/{id}", { params: { path: { id }, header: { "If-Match": etag } } }));
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
  }
}
