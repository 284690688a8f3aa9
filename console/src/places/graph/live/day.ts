import words from "#words/live";
import { locale } from "../../../format";
import { say } from "../../../say";
import type { Analytics } from "./figures";

/** What happened on one day, in UTC. */
export interface Day {
  date: string;
  entered: number;
  finished: number;
  left: number;
  /** Those who failed less those who were tried again. */
  failed: number;
}

/** Returns the days of figures, oldest first. */
export function daysOf({ series = [] }: Analytics): Day[] {
  return series.map(({ date, enrolled, completed, expired, cancelled, failed }) => ({
    date,
    entered: enrolled,
    finished: completed,
    left: expired + cancelled,
    failed,
  }));
}

const weekday = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const short = new Intl.DateTimeFormat(locale, { day: "numeric", timeZone: "UTC" });

/** "Fri, 27 Nov". */
export const dayName = (date: string) => weekday.format(new Date(date));

/** "27". */
export const dayNumber = (date: string) => short.format(new Date(date));

/** All numbers of a day in one sentence. */
export function daySentence({ date, entered, finished, left, failed }: Day): string {
  return say(words.chartDay, { day: dayName(date), entered, finished, left, failed });
}
