import { type ChangeEvent, useEffect, useState } from "react";
import words from "#words/journeys";
import statusWords from "#words/status";
import { formatNumber } from "../../format";
import { replaceQuery } from "../../route";
import { Button } from "../../ui/button";

import { Icon } from "../../ui/icon";
import { Segments } from "../../ui/segments";
import type { Status } from "../../ui/status";
import { type Counts, type Filter, type Sort, statuses } from "./list";

const sortNames: readonly (readonly [Sort, string])[] = [
  ["-updated", words.sortChanged],
  ["updated", words.sortChangedUp],
  ["name", words.sortName],
  ["-name", words.sortNameDown],
  ["-created", words.sortCreated],
  ["created", words.sortCreatedUp],
];

interface ToolbarProps {
  filter: Filter;
  counts: Counts | undefined;
  isEditor: boolean;
}

/** What the list shows: by name, by status, with failed people. */
export function Toolbar({ filter, counts, isEditor }: ToolbarProps) {
  const all = counts && counts.active + counts.paused + counts.draft + counts.archived;
  const option = (status: Status | "all", name: string, n: number | undefined) =>
    [
      status,
      <>
        {name}
        {n !== undefined && <span className="n">{formatNumber(n)}</span>}
      </>,
    ] as const;
  return (
    <div className="row row--3 tools">
      <Find q={filter.q} />
      <Segments
        label={words.status}
        value={filter.status ?? "all"}
        options={[option("all", words.all, all), ...statuses.map((s) => option(s, statusWords[s], counts?.[s]))]}
        onChange={(status) => replaceQuery({ status: status === "all" ? undefined : status })}
      />
      <Button
        look="quiet"
        icon="alert"
        aria-pressed={filter.failed}
        onClick={() => replaceQuery({ failed: filter.failed ? undefined : "yes" })}
      >
        {words.failedOnly}
      </Button>
      {/* The headings of an editor's wide table sort, too. */}
      <select
        className={isEditor ? "select only-phone" : "select"}
        aria-label={words.sort}
        value={filter.sort}
        onChange={(event) => replaceQuery({ sort: event.target.value })}
      >
        {sortNames.map(([sort, name]) => (
          <option key={sort} value={sort}>
            {name}
          </option>
        ))}
      </select>
      <div className="row push t2 dim only-wide">
        {(["Inside", "Finished", "Left", "Failed"] as const).map((part) => (
          <span key={part} className="row row--1">
            <span className={`key d-${part.toLowerCase()}`} />
            {words[`key${part}`]}
          </span>
        ))}
      </div>
    </div>
  );
}

/** A search that waits until the reader pauses. */
function Find({ q }: { q: string }) {
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  useEffect(() => {
    if (text.trim() === q) return;
    const timer = setTimeout(() => replaceQuery({ q: text.trim() || undefined }), 250);
    return () => clearTimeout(timer);
  }, [text, q]);
  return (
    <div className="search">
      <Icon name="search" />
      <input
        id="find-journey"
        className="input"
        type="search"
        maxLength={255}
        placeholder={words.find}
        aria-label={words.find}
        value={text}
        onChange={(event: ChangeEvent<HTMLInputElement>) => setText(event.target.value)}
      />
      <kbd>/</kbd>
    </div>
  );
}
