import { useState } from "react";
import words from "#words/live";
import { formatNumber } from "../../../format";
import { replaceQuery } from "../../../route";
import { say } from "../../../say";
import { SelectField } from "../../../ui/field";
import { Chart } from "./chart";
import { type Day, dayName, daysOf } from "./day";
import type { Analytics } from "./figures";
import { Count, FigureHead } from "./parts";
import { ranges, useDays } from "./use-figures";

const shownAtFirst = 3;

/** What happened on each day: as bars, and the same numbers as a table. */
export function Days({ figures, several }: { figures: Analytics; several: boolean }) {
  const days = useDays();
  const rows = daysOf(figures);
  if (rows.length === 0) return null;
  return (
    <section className="sec sec--tight" aria-label={words.byDay}>
      <div className="row">
        <h2 className="sec-title grow nowrap">{words.byDay}</h2>
        <span className="row t2 dim">
          <Key part="inside" name={words.enteredKey} />
          <Key part="finished" name={words.finishedKey} />
        </span>
        <SelectField
          label={words.range}
          hideLabel
          className="live-select"
          value={String(days)}
          options={ranges.map((range) => [String(range), say(words.rangeDays, { n: range })] as const)}
          onChange={(event) => replaceQuery({ days: event.target.value })}
        />
      </div>
      <Chart days={rows} />
      <DayTable days={rows} />
      <p className="help">
        {several && `${words.otherVersions} `}
        {words.daysUtc}
        {rows.some(({ failed }) => failed !== 0) && ` ${words.failedNet}`}
      </p>
    </section>
  );
}

function Key({ part, name }: { part: string; name: string }) {
  return (
    <span className="row row--1">
      <span className={`key d-${part}`} />
      {name}
    </span>
  );
}

function DayTable({ days }: { days: readonly Day[] }) {
  const [all, setAll] = useState(false);
  const newest = [...days].reverse();
  const shown = all ? newest : newest.slice(0, shownAtFirst);
  const rest = newest.slice(shown.length);
  return (
    <table className="table table--dense table--flush">
      <FigureHead names={[words.day]} figures={[words.entered, words.finished, words.left, words.failed]} />
      <tbody>
        {shown.map((day, i) => (
          <Row key={day.date} day={day}>
            {dayName(day.date)} {i === 0 && <span className="dim">{words.soFar}</span>}
          </Row>
        ))}
        {rest.length > 0 && (
          <Row day={sumOf(rest)}>
            <button type="button" className="link" onClick={() => setAll(true)}>
              {say(words.moreDays, { n: rest.length })}
            </button>
          </Row>
        )}
      </tbody>
      <tfoot>
        <Row day={sumOf(days)}>
          {say(words.rangeDays, { n: days.length })}
          {all && days.length > shownAtFirst && (
            <>
              {" "}
              <button type="button" className="link" onClick={() => setAll(false)}>
                {words.fewerDays}
              </button>
            </>
          )}
        </Row>
      </tfoot>
    </table>
  );
}

function Row({ day, children }: { day: Omit<Day, "date">; children: React.ReactNode }) {
  return (
    <tr>
      <td className="nowrap">{children}</td>
      {[day.entered, day.finished, day.left].map((n, i) => (
        <td key={i} className="num">
          {formatNumber(n)}
        </td>
      ))}
      <td className="num">
        <Count n={day.failed} bad />
      </td>
    </tr>
  );
}

function sumOf(days: readonly Day[]): Omit<Day, "date"> {
  const sum = (value: (day: Day) => number) => days.reduce((total, day) => total + value(day), 0);
  return {
    entered: sum((day) => day.entered),
    finished: sum((day) => day.finished),
    left: sum((day) => day.left),
    failed: sum((day) => day.failed),
  };
}
