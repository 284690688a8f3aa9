import { useState } from "react";
import words from "#words/people";
import type { Schemas } from "../../api";
import { nameOf } from "../../graph/describe";
import { readGraph } from "../../graph/types";
import { go, href } from "../../route";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { SelectField } from "../../ui/field";
import { Icon } from "../../ui/icon";
import { IdInput } from "../../ui/id-input";
import { countsOf, type Filter, useVersions, writeFilter } from "./use-people";

interface BarProps {
  id: string;
  filter: Filter;
  journey: Schemas["Journey"] | undefined;
  figures: Schemas["Analytics"] | undefined;
  enroll: () => void;
}

/** Which people: at which step, here or failed, of which version; or one by their exact id. */
export function FilterBar({ id, filter, journey, figures, enroll }: BarProps) {
  const choose = (change: Partial<Filter>) =>
    go({ name: "people", journey: id }, writeFilter({ ...filter, result: "", ...change }));
  const counts = countsOf(figures, filter, journey?.version ?? 0);
  return (
    <section className="bar people-bar" aria-label={words.title}>
      <a
        className="btn btn--icon btn--quiet"
        href={href({ name: "graph", journey: id, mode: "live" })}
        aria-label={words.back}
        title={words.back}
      >
        <Icon name="arrow-left" />
      </a>
      <h2 className="semi">{words.title}</h2>
      <SelectField
        label={words.step}
        hideLabel
        className="people-step"
        value={filter.step}
        options={[["", words.anywhere], ...stepOptions(journey, figures)]}
        onChange={(event) => choose({ step: event.target.value })}
      />
      <div className="seg" role="group" aria-label={words.which}>
        <Which filter={filter} status="active" n={counts?.active} choose={choose} />
        <Which filter={filter} status="failed" n={counts?.failed} choose={choose} />
      </div>
      <VersionSelect id={id} filter={filter} choose={choose} />
      {filter.result !== "" && (
        <Button small icon="close" onClick={() => choose({})}>
          {say(words.withResult, { result: filter.result })}
        </Button>
      )}
      <span className="push row people-find">
        <Search id={id} filter={filter} />
        {journey && journey.status !== "archived" && (
          <Button icon="plus" onClick={enroll} waits={journey.status === "active" ? undefined : words.enrollWaits}>
            {words.enroll}
          </Button>
        )}
      </span>
    </section>
  );
}

function Which(props: {
  filter: Filter;
  status: Filter["status"];
  n: number | undefined;
  choose: (c: Partial<Filter>) => void;
}) {
  const { filter, status, n, choose } = props;
  const bad = status === "failed" && n !== undefined && n > 0;
  return (
    <button type="button" aria-current={filter.status === status || undefined} onClick={() => choose({ status })}>
      {words.which_[status]}
      {n !== undefined && <span className={bad ? "n bad semi" : "n"}>{say("{n}", { n })}</span>}
    </button>
  );
}

/** The steps of the present graph, then those of older ones at which people are. */
function stepOptions(journey: BarProps["journey"], figures: BarProps["figures"]): [string, string][] {
  const options = new Map<string, string>();
  for (const node of readGraph(journey?.definition).nodes) options.set(node.id, say(words.at, { step: nameOf(node) }));
  for (const step of figures?.steps ?? []) {
    if (options.has(step.nodeId) || step.active + step.failed === 0) continue;
    const name = step.label ?? step.nodeId;
    options.set(step.nodeId, say(words.atOld, { step: name, n: String(step.version ?? "") }));
  }
  return [...options];
}

function VersionSelect({ id, filter, choose }: { id: string; filter: Filter; choose: (c: Partial<Filter>) => void }) {
  const versions = useVersions(id).data ?? [];
  const options = versions
    .filter((v) => v.inside > 0 || v.current || v.version === filter.version)
    .map((v): [string, string] => [String(v.version), say(words.version, { n: String(v.version) })]);
  if (options.length < 2 && filter.version === null) return null;
  return (
    <SelectField
      label={words.versions}
      hideLabel
      className="people-version"
      value={filter.version === null ? "" : String(filter.version)}
      options={[["", words.anyVersion], ...options]}
      onChange={({ target }) => choose({ version: target.value === "" ? null : Number(target.value) })}
    />
  );
}

/** The id of the field that finds one person. */
export const searchId = "people-search";

function Search({ id, filter }: { id: string; filter: Filter }) {
  const [text, setText] = useState("");
  return (
    <form
      className="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (text !== "") go({ name: "people", journey: id, customer: text }, writeFilter(filter));
      }}
    >
      <Icon name="search" />
      <IdInput id={searchId} label={words.exactId} value={text} onChange={setText} />
      <kbd>/</kbd>
    </form>
  );
}
