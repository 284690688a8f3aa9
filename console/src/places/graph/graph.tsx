import { lazy, Suspense, useEffect } from "react";
import type { Answer, Schemas } from "../../api";
import { EntryEvent } from "../../graph/entry";
import { useEditor } from "../../graph/use-editor";
import { useKeys } from "../../keys";
import { Problem } from "../../problem";
import { useDraft, useJourney } from "../../queries";
import { type Mode, modes } from "../../route";
import { session } from "../../session";
import { useStore } from "../../store";
import { Failure, Skeleton } from "../../ui/states";
import { JourneyBands } from "./bands";
import { goToMode, ModeBar } from "./bar";
import { graphKeys } from "./keys";
import { useFigures } from "./live/use-figures";
import { NotThere } from "./not-there";
import { outline } from "./selected";
import { useKept } from "./use-kept";
import "../../style/graph.css";

const Build = lazy(() => import("./build/build"));
const Simulate = lazy(() => import("./simulate/simulate"));
const Live = lazy(() => import("./live/live"));
const Versions = lazy(() => import("./versions/versions"));

const watched = 30_000; // ms between two looks at what others changed

interface GraphProps {
  id: string;
  mode: Mode;
}

/** A journey's graph in one of its modes. A viewer sees Live only. */
export default function Graph({ id, mode }: GraphProps) {
  const viewer = useStore(session)?.role === "viewer";
  return viewer ? <Watched id={id} /> : <Loaded id={id} mode={mode} />;
}

function Watched({ id }: { id: string }) {
  const { figures } = useFigures(id);
  return (
    <div className="app">
      <ModeBar id={id} mode="live" {...(figures && { name: figures.journeyName, status: figures.status })} />
      <div className="mode">
        <Suspense fallback={<Skeleton />}>
          <Live id={id} />
        </Suspense>
      </div>
    </div>
  );
}

function Loaded({ id, mode }: GraphProps) {
  const journey = useJourney(id, true, watched);
  const draft = useDraft(id, journey.isSuccess, watched);
  const error = journey.error ?? draft.error;
  if (journey.data && draft.data !== undefined) {
    const deleted = error instanceof Problem && error.status === 404;
    return <Opened id={id} mode={mode} journey={journey.data} draft={draft.data} deleted={deleted} />;
  }
  if (error instanceof Problem && error.status === 404) return <NotThere id={id} />;
  return (
    <div className="app">
      <ModeBar id={id} mode={mode} />
      {error ? (
        <main id="main" className="center" tabIndex={-1}>
          <Failure error={error} retry={() => void (journey.error ? journey.refetch() : draft.refetch())} />
        </main>
      ) : (
        <Skeleton />
      )}
    </div>
  );
}

interface OpenedProps extends GraphProps {
  journey: Answer<Schemas["Journey"]>;
  draft: Answer<Schemas["Draft"]> | null;
  deleted: boolean;
}

function Opened({ id, mode, journey, draft, deleted }: OpenedProps) {
  const editor = useEditor(id, journey, draft);
  useKept(editor, journey.data, draft);
  useKeys(graphKeys, {
    outline: () => outline.set(!outline.get()),
    mode: () => goToMode(id, modes[(modes.indexOf(mode) + 1) % modes.length] ?? "live"),
  });
  useEffect(() => {
    if (deleted) editor.forget();
  }, [deleted, editor.forget]);
  const { data } = journey;
  const gone = editor.state.kind === "deleted";
  return (
    <EntryEvent value={data.entryCondition?.event ?? ""}>
      <div className="app">
        <ModeBar id={id} mode={mode} name={data.name} status={data.status} />
        <div className="mode">
          <JourneyBands journey={journey} editor={editor} />
          <Suspense fallback={<Skeleton />}>
            {mode === "build" && <Build editor={editor} journey={data} answer={journey} />}
            {mode === "simulate" && !gone && <Simulate editor={editor} journey={data} />}
            {mode === "live" && !gone && <Live id={id} journey={data} />}
            {mode === "versions" && !gone && <Versions editor={editor} journey={data} />}
          </Suspense>
        </div>
      </div>
    </EntryEvent>
  );
}
