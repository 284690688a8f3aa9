import { useEffect, useMemo, useState } from "react";
import words from "#words/people";
import type { Schemas } from "../../api";
import { formatClock, formatDay } from "../../format";
import { Canvas } from "../../graph/canvas";
import { type LineOverlay, type Overlay, OverlayStore, type StepOverlay } from "../../graph/overlay";
import { type Graph, readGraph } from "../../graph/types";
import { edgeOf, lineKey, waysOf } from "../../graph/ways";
import { href } from "../../route";
import { say } from "../../say";
import { LinkButton } from "../../ui/button";
import { Failure, Skeleton } from "../../ui/states";
import { type Filter, useEnrollment, useVersion, writeFilter } from "./use-people";
import { resultText } from "./words-of";

type Enrollment = Schemas["Enrollment"];

/** The way of a person, drawn on the graph of the version that they follow. */
export default function WayGraph({ id, customer, filter }: { id: string; customer: string; filter: Filter }) {
  const person = useEnrollment(id, customer).data;
  const version = useVersion(id, person?.version);
  const [overlays] = useState(() => new OverlayStore());
  const [selected, setSelected] = useState<string | null>(null);
  const graph = useMemo(() => readGraph(version.data?.definition), [version.data]);
  useEffect(() => {
    if (person) overlays.set(drawWay(person, graph));
  }, [overlays, person, graph]);
  if (version.isError) {
    return (
      <div className="people-pad">
        <Failure error={version.error} retry={() => void version.refetch()} />
      </div>
    );
  }
  if (version.data === undefined) return <Skeleton />;
  return (
    <section className="middle people-graph" aria-label={say(words.wayOf, { id: customer })}>
      <Canvas graph={graph} overlays={overlays} selected={selected} onSelect={setSelected}>
        <LinkButton small icon="outline" href={href({ name: "people", journey: id, customer }, writeFilter(filter))}>
          {words.backToList}
        </LinkButton>
      </Canvas>
    </section>
  );
}

/** Marks the steps that were taken with their times, the present one, and the lines between. */
export function drawWay(person: Enrollment, graph: Graph): Overlay {
  const steps = new Map<string, StepOverlay>(graph.nodes.map((node) => [node.id, { className: "is-dim" }]));
  const lines = new Map<string, LineOverlay>();
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  for (const node of graph.nodes) {
    for (const { handle } of waysOf(node, graph.edges))
      lines.set(lineKey(node.id, handle), { className: "edge--faint" });
  }
  person.path.forEach((step, i) => {
    const node = nodes.get(step.nodeId);
    if (node === undefined) return;
    const last = i === person.path.length - 1;
    const inside = person.status === "active" || person.status === "failed";
    const result = step.result === undefined ? "" : resultText(step.result, node);
    const failed = last && person.status === "failed";
    steps.set(node.id, {
      className: last && inside ? (failed ? "is-now node--fault" : "is-now") : "is-done",
      end: <span className="node-time">{time(step.enteredAt, person.path[0]?.enteredAt)}</span>,
      says: [result, formatClock(step.enteredAt)].filter(Boolean).join(", "),
      ...(failed && { badge: { tone: "bad" as const, icon: "bang" as const, text: words.failed } }),
    });
    const way = waysOf(node, graph.edges).find(({ handle }) => handle === null || handle === step.result);
    const edge = way && edgeOf(graph, node.id, way);
    if (way && edge && edge.target === person.path[i + 1]?.nodeId) {
      lines.set(lineKey(node.id, way.handle), { className: "edge--done" });
    }
  });
  return { steps, lines };
}

function time(at: string, start: string | undefined): string {
  return start === undefined || formatDay(at) === formatDay(start) ? formatClock(at) : formatDay(at);
}
