import { useLayoutEffect, useMemo, useState } from "react";
import words from "#words/live";
import type { Schemas } from "../../../api";
import { Canvas } from "../../../graph/canvas";
import { OverlayStore } from "../../../graph/overlay";
import { type Graph, readGraph } from "../../../graph/types";
import { hasStatus } from "../../../problem";
import { href } from "../../../route";
import { say } from "../../../say";
import { useStore } from "../../../store";
import { LinkButton } from "../../../ui/button";
import { Band, Empty, Failure, Skeleton } from "../../../ui/states";
import { outline, useSelected } from "../selected";
import { LiveBar, versionName } from "./bar";
import { Brief } from "./brief";
import { type Analytics, type VersionFigures, versionsOf } from "./figures";
import { FigureOverlays } from "./overlay";
import { Panel } from "./panel";
import { useVersionNumber } from "./parts";
import { StepPanel } from "./step-panel";
import { Tabs, useTab } from "./tabs";
import { useFigures } from "./use-figures";
import "../../../style/live.css";

type Journey = Schemas["Journey"];

/** Where people are, where they went, and where they are stuck. Viewers have no journey, only its figures. */
export default function Live({ id, journey }: { id: string; journey?: Journey }) {
  const { figures, pause, error, again } = useFigures(id);
  if (!figures || hasStatus(error, 403, 404)) {
    return (
      <main id="main" className="center" tabIndex={-1}>
        {error ? <Failure error={error} retry={again} /> : <Skeleton />}
      </main>
    );
  }
  if (figures.status === "draft" && figures.enrollments.total === 0) return <Unlaunched id={id} journey={journey} />;
  return <Shown figures={figures} journey={journey} pause={pause} error={error} />;
}

/** A draft has no figures: go on to what makes some. */
function Unlaunched({ id, journey }: { id: string; journey: Journey | undefined }) {
  return (
    <main id="main" className="center" tabIndex={-1}>
      <Empty title={words.draftTitle}>
        <p className="dim">{words.draftDetail}</p>
        {journey && (
          <div className="row live-middle">
            <LinkButton href={href({ name: "graph", journey: id, mode: "build" })}>{words.toBuild}</LinkButton>
            <LinkButton look="primary" icon="launch" href={href({ name: "launch", journey: id })}>
              {words.toLaunch}
            </LinkButton>
          </div>
        )}
      </Empty>
    </main>
  );
}

interface ShownProps {
  figures: Analytics;
  journey: Journey | undefined;
  pause: number;
  error: unknown;
}

function Shown({ figures, journey, pause, error }: ShownProps) {
  const versions = useMemo(() => versionsOf(figures), [figures]);
  const number = useVersionNumber();
  const version = versions.find((of) => of.number === number) ?? versions[0];
  const tab = useTab();
  const [selected] = useSelected();
  if (!version) return null;
  const name = versionName(version, journey);
  const shared = { figures, version, journey };
  return (
    <>
      <LiveBar {...shared} versions={versions} pause={pause} error={error} />
      {!journey && <ViewerBand status={figures.status} />}
      {figures.versionsLeftOut && <LeftOut versions={figures.versionsLeftOut} />}
      <main id="main" className={`work work--live live--${selected === null ? tab : "figures"}`} tabIndex={-1}>
        <Brief counts={version.counts} />
        <Drawing version={version} name={name} journey={journey} />
        <Side {...shared} name={name} several={versions.length > 1 || figures.versionsLeftOut !== undefined} />
        <Tabs id={figures.journeyId} viewer={!journey} />
      </main>
    </>
  );
}

function Drawing({ version, name, journey }: { version: VersionFigures; name: string; journey: Journey | undefined }) {
  const [overlays] = useState(() => new OverlayStore());
  const [makers] = useState(() => new FigureOverlays());
  const [selected, select] = useSelected();
  const outlined = useStore(outline);
  const graph = useSame(withSettings(version, journey));
  useLayoutEffect(() => overlays.set(makers.of(version)), [version, overlays, makers]);
  return (
    <section className="live-drawing" aria-label={say(words.graph, { version: name })}>
      {graph.nodes.length === 0 ? (
        <Empty title={words.noSteps} />
      ) : (
        <Canvas graph={graph} overlays={overlays} selected={selected} onSelect={select} outline={outlined} />
      )}
    </section>
  );
}

/** Figures name steps only; the events and shares of ways stand in the definition, which is at hand for one version. */
function withSettings({ graph, number }: VersionFigures, journey: Journey | undefined): Graph {
  if (number !== null || !journey) return graph;
  const own = new Map(readGraph(journey.definition).nodes.map((node) => [node.id, node]));
  const nodes = graph.nodes.map((node) => {
    const same = own.get(node.id);
    return same?.type === node.type ? same : node;
  });
  return { ...graph, nodes };
}

/** The same object as long as it says the same: new figures draw no new graph. */
function useSame<T>(value: T): T {
  const text = JSON.stringify(value);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text stands for the value
  return useMemo(() => value, [text]);
}

interface SideProps {
  figures: Analytics;
  version: VersionFigures;
  journey: Journey | undefined;
  name: string;
  several: boolean;
}

function Side({ figures, version, journey, name, several }: SideProps) {
  const [selected, select] = useSelected();
  const node = version.graph.nodes.find(({ id }) => id === selected);
  const step = selected === null ? undefined : version.steps.get(selected);
  const close = () => {
    select(null);
    const card = document.querySelector<HTMLElement>(`[data-step="${selected}"]`);
    requestAnimationFrame(() => card?.focus());
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keys
    <aside className="panel panel--end scroll" aria-label={say(words.panel, { version: name })} tabIndex={0}>
      {node && step ? (
        <StepPanel node={node} step={step} version={version} journey={journey} onClose={close} />
      ) : (
        <Panel figures={figures} version={version} title={name} several={several} journey={journey} />
      )}
    </aside>
  );
}

/** What a viewer is told of the whole journey; editors have bands with verbs. */
function ViewerBand({ status }: { status: Analytics["status"] }) {
  if (status !== "paused" && status !== "archived") return null;
  const [title, detail] =
    status === "paused" ? [words.pausedBand, words.pausedDetail] : [words.archivedBand, words.archivedDetail];
  return (
    <Band icon={status} {...(status === "paused" && { tone: "warn" })}>
      <span>
        <b>{title}</b> <span className="dim">{detail}</span>
      </span>
    </Band>
  );
}

function LeftOut({ versions }: { versions: readonly number[] }) {
  return (
    <Band icon="versions">
      <span>{say(words.leftOut, { n: versions.length, list: versions.join(", ") })}</span>
    </Band>
  );
}
