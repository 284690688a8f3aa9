import { memo, useEffect, useMemo, useRef, useState } from "react";
import words from "#words/simulate";
import { formatDuration } from "../../../duration";
import { formatClock, formatWeekday } from "../../../format";
import { kindOf, nameOf } from "../../../graph/describe";
import type { Graph } from "../../../graph/types";
import { rich, say } from "../../../say";
import { type Store, useStore } from "../../../store";
import { IconButton } from "../../../ui/button";
import { Icon, type IconName } from "../../../ui/icon";
import type { Result } from "./coverage";
import { aDayFrom, stopAt, type Timeline } from "./timeline";
import { momentText, outcomeText, resultText, shortText, sinceEntry } from "./words-of";

interface ScrubberProps {
  graph: Graph;
  result: Result;
  timeline: Timeline;
  playhead: Store<number>;
  /** The verb beside the time, and the lane of the events below the steps. */
  children: [add: React.ReactNode, lane: React.ReactNode];
}

/** The time of a run: its steps on a line, and the place where one looks. */
export function Scrubber({ graph, result, timeline, playhead, children: [add, lane] }: ScrubberProps) {
  const stop = useStore(playhead);
  const last = timeline.stops.length - 1;
  const [playing, setPlaying] = useState(false);
  usePlay(playing, setPlaying, playhead, last);
  const move = (to: number) => {
    setPlaying(false);
    playhead.set(Math.max(0, Math.min(last, to)));
  };
  const togglePlay = () => {
    if (!playing && stop >= last) playhead.set(0);
    setPlaying(!playing);
  };
  const at = timeline.stops[stop]?.at ?? timeline.start;
  const step = timeline.stops[stop]?.step;
  return (
    <section className="scrub" aria-label={words.time}>
      <div className="row row--2 wrap">
        <span className="group">
          <IconButton icon="step-back" look="plain" label={words.back} onClick={() => move(stop - 1)} />
          <IconButton
            icon={playing ? "paused" : "play"}
            look="plain"
            label={playing ? words.pause : words.play}
            onClick={togglePlay}
          />
          <IconButton icon="step-on" look="plain" label={words.on} onClick={() => move(stop + 1)} />
        </span>
        <span className="semi">
          {formatWeekday(at)}, {formatClock(at)}
        </span>
        <span className="dim">{sinceEntry(at - timeline.start)}</span>
        <span className="push dim">
          {step === undefined ? words.end : rich(words.stepOf, { step: <b>{step + 1}</b>, all: result.trace.length })}
        </span>
        {add}
      </div>
      <div className={timeline.stops.length > 40 ? "lanes lanes--dense" : "lanes"}>
        <span className="lane-name">{words.steps}</span>
        <Steps {...{ graph, result, timeline, stop, move, togglePlay }} />
        {lane}
      </div>
    </section>
  );
}

function usePlay(playing: boolean, set: (playing: boolean) => void, playhead: Store<number>, last: number) {
  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(() => {
      if (playhead.get() >= last) set(false);
      else playhead.set(playhead.get() + 1);
    }, 900);
    return () => clearInterval(timer);
  }, [playing, set, playhead, last]);
}

interface StepsProps {
  graph: Graph;
  result: Result;
  timeline: Timeline;
  stop: number;
  move: (to: number) => void;
  togglePlay: () => void;
}

function Steps({ graph, result, timeline, stop, move, togglePlay }: StepsProps) {
  const lane = useRef<HTMLDivElement>(null);
  const ticks = useMemo(
    () => timeline.stops.map(({ x, step }) => ({ x, ...tickOf(graph, result, step) })),
    [graph, result, timeline],
  );
  const toPointer = (event: React.PointerEvent) => {
    const box = lane.current?.getBoundingClientRect();
    if (box) move(stopAt(timeline, (event.clientX - box.left) / box.width));
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const to = target(event.key, stop, timeline);
    if (to === undefined && event.key !== " ") return;
    event.preventDefault();
    if (to === undefined) togglePlay();
    else move(to);
  };
  return (
    <div
      ref={lane}
      className="lane lane--steps"
      role="slider"
      tabIndex={0}
      aria-label={words.step}
      aria-valuemin={1}
      aria-valuemax={timeline.stops.length}
      aria-valuenow={stop + 1}
      aria-valuetext={valueText(graph, result, timeline, stop)}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        toPointer(event);
      }}
      onPointerMove={(event) => event.buttons === 1 && toPointer(event)}
    >
      <Rails timeline={timeline} stop={stop} />
      {ticks.map((tick, i) => (
        <Tick key={i} {...tick} state={i === stop ? "now" : i < stop ? "done" : "ahead"} />
      ))}
      <Labels timeline={timeline} stop={stop} />
    </div>
  );
}

function target(key: string, stop: number, timeline: Timeline): number | undefined {
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return stop + 1;
    case "ArrowLeft":
    case "ArrowDown":
      return stop - 1;
    case "PageUp":
      return aDayFrom(timeline, stop, 1);
    case "PageDown":
      return aDayFrom(timeline, stop, -1);
    case "Home":
      return 0;
    case "End":
      return timeline.stops.length - 1;
    default:
      return undefined;
  }
}

function valueText(graph: Graph, result: Result, { stops }: Timeline, stop: number): string {
  const { at = 0, step } = stops[stop] ?? {};
  const traced = step === undefined ? undefined : result.trace[step];
  const time = momentText(at);
  if (traced === undefined) return say(words.endSays, { time, result: outcomeText(result, undefined) });
  const node = graph.nodes.find(({ id }) => id === traced.nodeId);
  const name = node ? nameOf(node) : traced.nodeId;
  return say(words.stepSays, {
    step: traced.step,
    all: result.trace.length,
    name,
    time,
    result: resultText(traced, node),
  });
}

function tickOf(graph: Graph, result: Result, step: number | undefined): { icon: IconName; title: string } {
  const traced = step === undefined ? undefined : result.trace[step];
  const node = graph.nodes.find(({ id }) => id === traced?.nodeId);
  return node
    ? { icon: kindOf(node).icon, title: nameOf(node) }
    : { icon: "exit", title: outcomeText(result, undefined) };
}

interface TickProps {
  x: number;
  state: "done" | "now" | "ahead";
  icon: IconName;
  title: string;
}

const percent = (share: number) => `${(share * 100).toFixed(2)}%`;
const placed = (x: number, width?: number) =>
  ({ "--a": percent(x), ...(width === undefined ? {} : { "--w": percent(width) }) }) as React.CSSProperties;

const Tick = memo(function Tick({ x, state, icon, title }: TickProps) {
  return (
    <span className={state === "ahead" ? "tick" : `tick tick--${state}`} style={placed(x)} title={title}>
      <Icon name={icon} />
    </span>
  );
});

/** The line through the steps; a wait is dotted. */
function Rails({ timeline: { stops }, stop }: { timeline: Timeline; stop: number }) {
  const here = stops[stop]?.x ?? 0;
  return (
    <>
      <div className="rail" />
      <div className="rail rail--done" style={{ "--w": percent(here) } as React.CSSProperties} />
      {stops.map((s, i) => {
        const next = stops[i + 1];
        return next && next.at > s.at ? <WaitRail key={i} x={s.x} width={next.x - s.x} over={i < stop} /> : null;
      })}
    </>
  );
}

const WaitRail = memo(function WaitRail({ x, width, over }: { x: number; width: number; over: boolean }) {
  return <div className={over ? "rail rail--wait" : "rail rail--ahead"} style={placed(x, width)} />;
});

interface Label {
  x: number;
  text: string;
  now: boolean;
}

/** The times above the line: now, the first, the last, and the lengths of waits, as far as they do not meet. */
function Labels({ timeline, stop }: { timeline: Timeline; stop: number }) {
  const { stops, start } = timeline;
  const waits = useMemo(() => waitLabels(timeline), [timeline]);
  const ends = [stop, 0, stops.length - 1].map((i) => ({
    x: stops[i]?.x ?? 0,
    text: shortText(stops[i]?.at ?? 0, start),
    now: i === stop,
  }));
  const shown: Label[] = [];
  for (const label of [...ends, ...waits]) if (shown.every((other) => apart(label, other))) shown.push(label);
  return shown.map(({ x, text, now }) => (
    <span key={x} className={now ? "tick-time tick-time--now" : "tick-time"} style={placed(x)}>
      {text}
    </span>
  ));
}

/** The lengths of waits in the middle of each, the longest first. */
function waitLabels({ stops }: Timeline): Label[] {
  const waits = stops.flatMap((s, i) => {
    const next = stops[i + 1];
    return next && next.at > s.at ? [{ x: (s.x + next.x) / 2, length: next.at - s.at }] : [];
  });
  waits.sort((a, b) => b.length - a.length);
  return waits.slice(0, 40).map(({ x, length }) => ({ x, text: formatDuration(length), now: false }));
}

/** Whether two labels stand apart; an estimate by their letters, on a line of common width. */
function apart(a: Label, b: Label): boolean {
  return Math.abs(a.x - b.x) > 0.01 + ((a.text.length + b.text.length) * 6.4) / 2 / 700;
}
