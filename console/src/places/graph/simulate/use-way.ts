import { useEffect, useMemo, useRef, useState } from "react";
import { noOverlay, OverlayStore } from "../../../graph/overlay";
import type { Graph, GraphNode } from "../../../graph/types";
import type { Store } from "../../../store";
import { type Coverage, findingsByNode } from "./coverage";
import { overlaysOf } from "./overlay-of";
import type { Persona } from "./personas";
import { type Timeline, timelineOf } from "./timeline";
import type { Run } from "./use-runs";

interface WayProps {
  graph: Graph;
  run: Run | undefined;
  coverage: Coverage;
  chosen: Persona | undefined;
  playhead: Store<number>;
  /** The step that the address names. */
  selected: string | null;
}

interface WayOnGraph {
  overlays: OverlayStore;
  timeline: Timeline | undefined;
  /** The chosen step, if it is not on the way. */
  aside: GraphNode | undefined;
  /** Moves the playhead to a step, if it is on the way. */
  goTo: (nodeId: string) => void;
}

/** Draws the way of a persona on the graph. The playhead changes overlays only: no component of the graph's place draws again. */
export function useWay({ graph, run, coverage, chosen, playhead, selected }: WayProps): WayOnGraph {
  const [overlays] = useState(() => new OverlayStore());
  const result = run?.result;
  const timeline = useMemo(() => (result ? timelineOf(result) : undefined), [result]);
  const faults = useMemo(() => findingsByNode(graph, result?.faults ?? []), [graph, result]);
  const overlayAt = useMemo(() => overlaysOf(graph, result, coverage, faults), [graph, result, coverage, faults]);
  const stopOf = (nodeId: string) => result?.trace.findIndex((step) => step.nodeId === nodeId) ?? -1;
  useKeepPlace(playhead, timeline, chosen?.id, selected === null ? -1 : stopOf(selected));
  useEffect(() => {
    const draw = () => overlays.set(chosen ? overlayAt(playhead.get()) : noOverlay);
    draw();
    return playhead.subscribe(draw);
  }, [overlays, overlayAt, playhead, chosen]);
  const goTo = (nodeId: string) => {
    const stop = stopOf(nodeId);
    if (stop >= 0) playhead.set(stop);
  };
  const onWay = selected !== null && stopOf(selected) >= 0;
  const aside = selected === null || onWay || !result ? undefined : graph.nodes.find(({ id }) => id === selected);
  return { overlays, timeline, aside, goTo };
}

/** A persona is seen at the end of the way first. Another answer leaves the playhead where it was, as far as it can. */
function useKeepPlace(
  playhead: Store<number>,
  timeline: Timeline | undefined,
  id: string | undefined,
  chosenStop: number,
) {
  const before = useRef<{ id: string | undefined; last: number }>({ id: undefined, last: 0 });
  useEffect(() => {
    if (timeline === undefined) return;
    const last = Math.max(0, timeline.stops.length - 1);
    const same = before.current.id === id;
    const atEnd = playhead.get() >= before.current.last;
    before.current = { id, last };
    if (!same) playhead.set(chosenStop >= 0 ? chosenStop : last);
    else if (atEnd || playhead.get() > last) playhead.set(last);
  }, [playhead, timeline, id, chosenStop]);
}
