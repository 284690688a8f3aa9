import { lazy, Suspense, useState } from "react";
import words from "#words/journeys";
import { Page } from "../../frame";
import { useKeys } from "../../keys";
import { go, replaceQuery, useRoute } from "../../route";
import { session } from "../../session";
import { useStore } from "../../store";
import { Button } from "../../ui/button";
import { Empty, Failure, Skeleton } from "../../ui/states";
import { editorKeys, moveInRows, rowInFocus, viewerKeys } from "./keys";
import { type Filter, type List, type Sort, statuses, useCounts, useList } from "./list";
import { SummaryLine } from "./summary";
import { Rows } from "./table";
import { Toolbar } from "./toolbar";
import "../../style/journeys.css";

const First = lazy(() => import("./first"));
const New = lazy(() => import("./new"));
const Import = lazy(() => import("./import"));

const sorts: readonly Sort[] = ["-updated", "updated", "name", "-name", "-created", "created"];

/** All journeys with their figures. */
export default function Journeys() {
  const { query } = useRoute();
  const filter: Filter = {
    q: query.get("q") ?? "",
    status: statuses.find((s) => s === query.get("status")),
    sort: sorts.find((s) => s === query.get("sort")) ?? "-updated",
    failed: query.get("failed") === "yes",
  };
  const isEditor = useStore(session)?.role !== "viewer";
  const list = useList(filter, isEditor);
  const [adding, add] = useState<"new" | "import" | undefined>();
  const close = () => add(undefined);
  return (
    <Page title={words.title} place="journeys">
      <Keys isEditor={isEditor} create={() => add("new")} />
      {isEmpty(filter, list) ? (
        <Suspense fallback={<Skeleton />}>
          <First isEditor={isEditor} onImport={() => add("import")} />
        </Suspense>
      ) : (
        <All filter={filter} list={list} isEditor={isEditor} add={add} />
      )}
      <Suspense fallback={null}>
        {adding === "new" && <New onClose={close} onImport={() => add("import")} />}
        {adding === "import" && <Import onClose={close} />}
      </Suspense>
    </Page>
  );
}

function isEmpty({ q, status, failed }: Filter, { rows, whole, isOld }: List): boolean {
  return rows?.length === 0 && whole && !isOld && q === "" && status === undefined && !failed;
}

function Keys({ isEditor, create }: { isEditor: boolean; create: () => void }) {
  const edit = () => {
    const journey = rowInFocus();
    if (journey === undefined) return false;
    go({ name: "graph", journey, mode: "build" });
    return true;
  };
  const find = () => {
    const field = document.getElementById("find-journey");
    field?.focus();
    return field !== null;
  };
  useKeys(isEditor ? editorKeys : viewerKeys, { find, rows: moveInRows, ...(isEditor ? { create, edit } : {}) });
  return null;
}

interface AllProps {
  filter: Filter;
  list: List;
  isEditor: boolean;
  add: (how: "new" | "import") => void;
}

function All({ filter, list, isEditor, add }: AllProps) {
  const counts = useCounts(filter, list, isEditor);
  return (
    <div className="page col gap-4">
      <div className="row row--3">
        <div className="grow">
          <h1 className="t5">{words.title}</h1>
          <SummaryLine filter={filter} list={list} />
        </div>
        {isEditor && (
          <>
            <Button icon="upload" className="only-wide" onClick={() => add("import")}>
              {words.import}
            </Button>
            <Button look="primary" icon="plus" className="only-wide" keyName="N" onClick={() => add("new")}>
              {words.new}
            </Button>
          </>
        )}
      </div>
      <Toolbar filter={filter} counts={counts} isEditor={isEditor} />
      <Body filter={filter} list={list} isEditor={isEditor} />
    </div>
  );
}

function Body({ filter, list, isEditor }: Omit<AllProps, "add">) {
  if (list.error) return <Failure error={list.error} retry={list.retry} />;
  if (list.rows === undefined) return <Skeleton rows={8} />;
  if (list.rows.length === 0 && list.next === undefined) return <NoMatch failed={filter.failed} />;
  return <Rows filter={filter} list={list} rows={list.rows} isEditor={isEditor} />;
}

function NoMatch({ failed }: { failed: boolean }) {
  return (
    <div className="card">
      <Empty title={failed ? words.noFailed : words.noMatch}>
        <p className="dim">{failed ? words.noFailedDetail : words.noMatchDetail}</p>
        <Button onClick={() => replaceQuery({ q: undefined, status: undefined, failed: undefined })}>
          {words.showAll}
        </Button>
      </Empty>
    </div>
  );
}
