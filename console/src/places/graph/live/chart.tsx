import { useState } from "react";
import words from "#words/live";
import { formatNumber } from "../../../format";
import { say } from "../../../say";
import { type Day, dayName, dayNumber, daySentence } from "./day";
import { labelled, ticks } from "./scale";

const [left, right, top, bottom] = [40, 360, 14.5, 118.5];
const crowded = 14; // more days than this have no numbers of failed people

/** Bars of those who entered and finished, day by day. Pointing at a day, or the arrow keys, show its numbers. */
export function Chart({ days }: { days: readonly Day[] }) {
  const [at, setAt] = useState<number | null>(null);
  const last = days.length - 1;
  const now = at === null ? null : Math.min(at, last);
  const day = now === null ? undefined : days[now];
  const move = (event: React.KeyboardEvent) => {
    const from = now ?? last;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, to)));
  };
  const range = { from: dayName(days[0]?.date ?? ""), to: dayName(days[last]?.date ?? "") };
  return (
    <div>
      <div
        role="slider"
        tabIndex={0}
        className="live-chart"
        aria-label={say(words.chart, range)}
        aria-valuemin={1}
        aria-valuemax={days.length}
        aria-valuenow={(now ?? last) + 1}
        aria-valuetext={daySentence(days[now ?? last] as Day)}
        onKeyDown={move}
        onFocus={() => setAt((before) => before ?? last)}
        onBlur={() => setAt(null)}
        onPointerLeave={() => setAt(null)}
      >
        <Bars days={days} now={now} onPoint={setAt} />
      </div>
      <p className="t2 dim live-readout" aria-hidden="true">
        {day && daySentence(day)}
      </p>
    </div>
  );
}

interface BarsProps {
  days: readonly Day[];
  now: number | null;
  onPoint: (at: number) => void;
}

function Bars({ days, now, onPoint }: BarsProps) {
  const lines = ticks(Math.max(...days.map((day) => Math.max(day.entered, day.finished))));
  const max = lines.at(-1) ?? 1;
  const y = (n: number) => bottom - ((bottom - top) * n) / max;
  const column = (right - left) / days.length;
  const width = Math.min(8, (column - Math.min(3, column / 4)) / 2);
  const named = labelled(days.length, 7);
  const highest = days.reduce((best, day, i) => (day.entered > (days[best]?.entered ?? 0) ? i : best), 0);
  const failures = days.some(({ failed }) => failed > 0);
  return (
    <svg className="chart" viewBox={`0 0 360 ${failures ? 152 : 136}`} width="100%" aria-hidden="true">
      {lines.map((n) => (
        <g key={n}>
          <line className={n === 0 ? "axis" : "grid"} x1={left} x2={right} y1={y(n)} y2={y(n)} />
          <text x={left - 6} y={y(n) + 3.5} textAnchor="end">
            {formatNumber(n)}
          </text>
        </g>
      ))}
      {days.map((day, i) => {
        const x = left + i * column;
        const center = x + column / 2;
        const bar = (n: number) => ({ y: y(n), height: bottom - y(n), width, rx: Math.min(1, width / 2) });
        return (
          <g key={day.date} className={now === i ? "col is-hover" : "col"} onPointerEnter={() => onPoint(i)}>
            <rect className="hit" x={x} y={top} width={column} height={bottom - top} />
            <rect className="b-ins" x={center - width - 0.5} {...bar(day.entered)} />
            <rect className="b-fin" x={center + 0.5} {...bar(day.finished)} />
            {named.has(i) && (
              <text x={center} y={132} textAnchor="middle">
                {dayNumber(day.date)}
              </text>
            )}
            {day.failed > 0 && days.length <= crowded && (
              <text className="fail" x={center} y={148} textAnchor="middle">
                {formatNumber(day.failed)}
              </text>
            )}
            {day.failed > 0 && days.length > crowded && (
              <rect className="b-bad" x={center - width} y={140} width={2 * width} height={6} />
            )}
          </g>
        );
      })}
      {failures && (
        <text className="fail" x={0} y={148}>
          {words.failedKey}
        </text>
      )}
      <Highest day={days[highest]} x={left + (highest + 0.5) * column} y={y(days[highest]?.entered ?? 0)} />
    </svg>
  );
}

/** The number of the day on which most people entered. */
function Highest({ day, x, y }: { day: Day | undefined; x: number; y: number }) {
  if (!day || day.entered === 0) return null;
  const n = formatNumber(day.entered);
  const half = 3.5 * n.length;
  return (
    <text className="strong" x={Math.min(x, right - half)} y={Math.max(10, y - 4)} textAnchor="middle">
      {n}
    </text>
  );
}
