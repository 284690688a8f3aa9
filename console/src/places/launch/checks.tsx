import { useMemo, useState } from "react";
import words from "#words/launch";
import type { Answer } from "../../api";
import { workOf } from "../../graph/stored";
import type { Work } from "../../graph/types";
import { say } from "../../say";
import { Failure, Skeleton } from "../../ui/states";
import { coverageOf } from "../graph/simulate/coverage";
import { useVersions } from "../people/use-people";
import { Faults, Tried, Warnings } from "./findings";
import { Inside } from "./inside";
import { Back } from "./launch";
import { LaunchCard } from "./launch-card";
import { Sent } from "./sent";
import {
  type Draft,
  type Journey,
  type Trial,
  useDays,
  useLaunch,
  useTrial,
  versionToLaunch,
  workToLaunch,
} from "./use-launch";
import { WhoComesIn, WhoLeaves } from "./who";

interface ChecksProps {
  id: string;
  journey: Answer<Journey>;
  draft: Draft;
  /** Reads all of it anew. */
  again: () => void;
}

/** What there is to read before the launch, and the button. */
export function Checks({ id, journey, draft, again }: ChecksProps) {
  const first = journey.data.status === "draft";
  const work = useMemo(() => workToLaunch(journey.data, draft), [journey.data, draft]);
  const version = versionToLaunch(journey.data, draft);
  const trial = useTrial(id, work);
  const days = useDays(id, !first);
  const versions = useVersions(id, !first);
  const { state, launch, reset } = useLaunch(id);
  const [read, setRead] = useState(false);
  const tried = useMemo(() => trial.data && readTrial(work, trial.data), [work, trial.data]);

  const resume = journey.data.status === "paused";
  const title = first
    ? say(words.launchFirst, { name: journey.data.name })
    : say(draft || !resume ? words.launchVersion : words.resumeVersion, { n: String(version) });
  return (
    <div className="page launch">
      <div className="row row--3 launch-head">
        <Back id={id} />
        <div className="grow">
          <h1 className="t5">{title}</h1>
          <p className="dim">{words.readOnce}</p>
        </div>
      </div>
      <div className="launch-grid">
        {trial.isError ? (
          <Failure error={trial.error} retry={() => void trial.refetch()} />
        ) : trial.data === undefined || tried === undefined ? (
          <Skeleton rows={8} />
        ) : (
          <ul className="card checks">
            <Faults id={id} graph={work.definition} faults={trial.data.faults} />
            <Warnings id={id} graph={work.definition} warnings={trial.data.warnings} />
            <WhoComesIn id={id} journey={journey.data} graph={work.definition} days={days.data} />
            <WhoLeaves id={id} work={work} journey={journey.data} />
            <Sent graph={work.definition} />
            <Tried id={id} tried={tried} />
            {!first && <Inside id={id} next={version} current={journey.data.version} versions={versions.data} />}
          </ul>
        )}
        <LaunchCard
          id={id}
          title={first ? words.launch : title}
          live={first ? null : workOf(journey.data)}
          work={draft ? work : null}
          liveVersion={journey.data.version}
          faults={trial.data?.faults.length}
          warnings={(trial.data?.warnings.length ?? 0) + (tried?.complete === false ? 1 : 0)}
          read={read}
          setRead={setRead}
          state={state}
          launch={(over) => void launch(journey, draft, over)}
          again={() => {
            reset();
            setRead(false);
            again();
          }}
        />
      </div>
    </div>
  );
}

/** What the personas tried. Who is not let in by the entry's condition is tried too. */
function readTrial(work: Work, trial: Trial) {
  const results = trial.results.flatMap(({ result }) => (result === null ? [] : [result]));
  const coverage = coverageOf(work.definition, results);
  const untried = coverage.lines.filter(({ key }) => !coverage.taken.has(key));
  const stopped: string[] = [];
  let passed = 0;
  let outside = 0;
  for (const { name, result } of trial.results) {
    if (result?.trace[0]?.result === "not_entered") outside++;
    else if (result === null || result.outcome === "stopped") stopped.push(name);
    else passed++;
  }
  const people = trial.results.length;
  const complete = people > 0 && untried.length === 0 && stopped.length === 0;
  return { total: coverage.lines.length, untried, passed, outside, stopped, people, complete };
}

export type TriedSummary = ReturnType<typeof readTrial>;
