import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import words from "#words/live";
import { api, call, type Schemas } from "../../../api";
import { formatAgo, formatClock, formatDay, formatUTC } from "../../../format";
import { keys } from "../../../queries";
import { replaceQuery } from "../../../route";
import { say } from "../../../say";
import { Segments, SelectField } from "../../../ui/field";
import { Icon } from "../../../ui/icon";
import { explain } from "../../../ui/states";
import type { Analytics, VersionFigures } from "./figures";
import { Verbs } from "./verbs";

type Journey = Schemas["Journey"];
const fewVersions = 3;

interface BarProps {
  figures: Analytics;
  versions: readonly VersionFigures[];
  version: VersionFigures;
  journey: Journey | undefined;
  /** ms between two readings. */
  pause: number;
  error: unknown;
}

/** What a version is called. Its number is a viewer's to know only if it is an earlier one. */
export function versionName(version: VersionFigures, journey: Journey | undefined): string {
  const number = version.number ?? journey?.version;
  return number === undefined ? words.present : say(words.version, { n: number });
}

/** The second bar: which version, how new the figures are, and the verbs. */
export function LiveBar({ figures, versions, version, journey, pause, error }: BarProps) {
  return (
    <section className="bar live-bar" aria-label={words.figures}>
      <VersionChoice versions={versions} version={version} journey={journey} />
      <Newcomers version={version} journey={journey} />
      <span className="push row row--3">
        <AsOf figures={figures} pause={pause} error={error} />
        {journey && <Verbs journey={journey} />}
      </span>
    </section>
  );
}

function VersionChoice({ versions, version, journey }: Pick<BarProps, "versions" | "version" | "journey">) {
  const choose = (number: string) => replaceQuery({ version: number || undefined, step: undefined });
  const value = version.number?.toString() ?? "";
  const inside = (of: VersionFigures) => say(words.inside, { n: of.counts.inside });
  if (versions.length === 1) {
    return (
      <span className="nowrap">
        <span className="semi">{versionName(version, journey)}</span> <span className="dim">{inside(version)}</span>
      </span>
    );
  }
  if (versions.length <= fewVersions) {
    const options = versions.map((of) => {
      const label = (
        <>
          {versionName(of, journey)} <span className="n">{inside(of)}</span>
        </>
      );
      return [of.number?.toString() ?? "", label] as const;
    });
    return <Segments label={words.versionLabel} value={value} options={options} onChange={choose} />;
  }
  return (
    <SelectField
      label={words.versionLabel}
      hideLabel
      className="live-versions"
      value={value}
      options={versions.map(
        (of) => [of.number?.toString() ?? "", `${versionName(of, journey)} · ${inside(of)}`] as const,
      )}
      onChange={(event) => choose(event.target.value)}
    />
  );
}

/** Which version newcomers take, and since when. */
function Newcomers({ version, journey }: Pick<BarProps, "version" | "journey">) {
  const active = journey?.status === "active";
  const since = useQuery({
    queryKey: [...keys.versions(journey?.id ?? ""), "newest", journey?.version],
    queryFn: async ({ signal }) => {
      const params = { path: { id: journey?.id ?? "" }, query: { limit: 1 } };
      return (await call(api.GET("/journeys/{id}/versions", { params, signal }))).data.data[0]?.createdAt ?? null;
    },
    enabled: active,
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData,
  }).data;
  if (version.number !== null) return <span className="dim only-wide cut">{words.older}</span>;
  if (!active || !since) return null;
  const text = say(words.newcomers, { n: journey.version, day: formatDay(since) });
  return <span className="dim only-wide cut">{text}</span>;
}

function AsOf({ figures, pause, error }: Pick<BarProps, "figures" | "pause" | "error">) {
  const now = useNow(10_000);
  const { asOf } = figures;
  const title = asOf ? say(words.asOfTitle, { ago: formatAgo(asOf, now), utc: formatUTC(asOf) }) : undefined;
  return (
    <span className="row row--1 dim live-asof" title={title}>
      <span className={error ? "bad" : "ok"}>
        <Icon name={error ? "alert" : "active"} small />
      </span>
      <span className="cut">
        {asOf ? say(words.asOf, { time: formatClock(asOf), ago: formatAgo(asOf, now) }) : words.nothingYet}
        <span className="only-wide">, {error ? words.notRenewed : say(words.renewed, { n: pause / 1000 })}</span>
      </span>
      {error ? (
        <span className="sr" role="alert">
          {explain(error).title}
        </span>
      ) : null}
    </span>
  );
}

/** The time, read again every `ms` while the page is visible. */
function useNow(ms: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}
