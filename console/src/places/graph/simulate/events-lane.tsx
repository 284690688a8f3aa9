import { useRef, useState } from "react";
import words from "#words/simulate";
import { formatClock } from "../../../format";
import { say } from "../../../say";
import { Icon } from "../../../ui/icon";
import type { Result } from "./coverage";
import type { PersonaEvent, PersonaTest } from "./personas";
import { round } from "./solve";
import { placeOf, type Timeline, timeAt } from "./timeline";
import { momentText, sinceEntry } from "./words-of";

const minute = 60_000;
const hour = 3_600_000;

interface EventsLaneProps {
  test: PersonaTest;
  result: Result;
  timeline: Timeline;
  onMove: (index: number, afterHours: number) => void;
  onEdit: () => void;
  onRemove: (index: number) => void;
}

/** The events of a persona along the time; each can be moved. */
export function EventsLane({ test, result, timeline, onMove, onEdit, onRemove }: EventsLaneProps) {
  const lane = useRef<HTMLDivElement>(null);
  const events = test.events ?? [];
  const places = events.map(({ afterHours }) => placeOf(timeline, timeline.start + afterHours * hour));
  const entry = test.entryEvent?.type;
  const rows = stack([
    ...(entry === undefined ? [] : [{ x: 0, text: entry }]),
    ...events.map(({ type }, i) => ({ x: places[i] ?? 0, text: type })),
  ]);
  const own = entry === undefined ? rows : rows.slice(1);
  return (
    <>
      <span className="lane-name">{words.events}</span>
      <div
        ref={lane}
        className="lane lane--events"
        role="group"
        aria-label={words.events}
        style={{ "--rows": Math.max(0, ...rows) + 1 } as React.CSSProperties}
      >
        {entry !== undefined && (
          <span
            className="ev ev--fixed"
            style={{ "--a": "0%" } as React.CSSProperties}
            title={say(words.entered, { type: entry })}
          >
            <Icon name="entry" />
            <span className="cut">{entry}</span>
          </span>
        )}
        {events.map((event, i) => (
          <EventChip
            key={i}
            event={event}
            x={places[i] ?? 0}
            row={own[i] ?? 0}
            lane={lane}
            timeline={timeline}
            goal={converts(event, result, timeline)}
            onMove={(afterHours) => onMove(i, afterHours)}
            onEdit={onEdit}
            onRemove={() => onRemove(i)}
          />
        ))}
      </div>
    </>
  );
}

function converts(event: PersonaEvent, { conversion }: Result, { start }: Timeline): boolean {
  return (
    conversion?.eventType === event.type && Math.abs(start + event.afterHours * hour - Date.parse(conversion.at)) < 1000
  );
}

/** Puts chips that would meet into rows below each other; an estimate by their letters. */
function stack(chips: readonly { x: number; text: string }[]): number[] {
  const wide = 760;
  const taken: { row: number; from: number; to: number }[] = [];
  return chips.map(({ x, text }) => {
    const width = Math.min(224, 34 + text.length * 6.2);
    const from = x * (wide - width);
    let row = 0;
    while (taken.some((other) => other.row === row && from < other.to && from + width > other.from)) row++;
    taken.push({ row, from, to: from + width });
    return row;
  });
}

interface EventChipProps {
  event: PersonaEvent;
  x: number;
  row: number;
  lane: React.RefObject<HTMLDivElement | null>;
  timeline: Timeline;
  goal: boolean;
  onMove: (afterHours: number) => void;
  onEdit: () => void;
  onRemove: () => void;
}

function EventChip({ event, x, row, lane, timeline, goal, onMove, onEdit, onRemove }: EventChipProps) {
  const [drag, setDrag] = useState<{ from: number; x: number } | null>(null);
  const moved = drag !== null && Math.abs(drag.x - x) > 0.005;
  const shownAt = moved ? snap(timeAt(timeline, drag.x)) : timeline.start + event.afterHours * hour;
  const hoursAt = (at: number) => round((snap(at) - timeline.start) / hour);
  const onPointerMove = ({ clientX }: React.PointerEvent) => {
    const box = lane.current?.getBoundingClientRect();
    if (drag === null || !box) return;
    setDrag({ from: drag.from, x: Math.max(0, Math.min(1, x + (clientX - drag.from) / box.width)) });
  };
  const drop = () => {
    setDrag(null);
    if (moved) onMove(hoursAt(shownAt));
    else onEdit();
  };
  const onKeyDown = (key: React.KeyboardEvent) => {
    const by = keyStep(key);
    if (by !== undefined) onMove(round(event.afterHours + by / hour));
    else if (key.key === "Enter" || key.key === " ") onEdit();
    else if (key.key === "Delete" || key.key === "Backspace") onRemove();
    else return;
    key.preventDefault();
  };
  const since = sinceEntry(shownAt - timeline.start);
  const says = goal ? `${say(words.converts, { type: event.type })}. ` : "";
  return (
    <span
      className={["ev", moved && "is-moved", goal && "ev--goal"].filter(Boolean).join(" ")}
      style={{ "--a": `${((moved ? drag.x : x) * 100).toFixed(2)}%`, "--row": row } as React.CSSProperties}
      role="slider"
      tabIndex={0}
      aria-label={event.type}
      aria-valuemin={-8760}
      aria-valuemax={8760}
      aria-valuenow={event.afterHours}
      aria-valuetext={say(words.eventSays, { time: since })}
      title={`${says}${say(words.eventMoves, { type: event.type, time: `${momentText(shownAt)}, ${since}` })}`}
      onKeyDown={onKeyDown}
      onPointerDown={(pointer) => {
        pointer.currentTarget.setPointerCapture(pointer.pointerId);
        setDrag({ from: pointer.clientX, x });
      }}
      onPointerMove={onPointerMove}
      onPointerUp={drop}
      onPointerCancel={() => setDrag(null)}
    >
      <Icon name={goal ? "goal" : "event"} />
      <span className="cut">{event.type}</span>
      {moved && <b>{formatClock(shownAt)}</b>}
    </span>
  );
}

/** Whole minutes, so that a drag gives a time that one can say. */
function snap(at: number): number {
  return Math.round(at / minute) * minute;
}

function keyStep({ key, shiftKey }: React.KeyboardEvent): number | undefined {
  const size = shiftKey ? hour : 10 * minute;
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return size;
    case "ArrowLeft":
    case "ArrowDown":
      return -size;
    case "PageUp":
      return 24 * hour;
    case "PageDown":
      return -24 * hour;
    default:
      return undefined;
  }
}
