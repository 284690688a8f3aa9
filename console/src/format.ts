// Numbers, times and durations as people read them.

/** The language of the words and the reader's way of writing numbers and times. */
export const locale = navigator.languages?.find((l) => l.startsWith("en")) ?? "en-GB";

const numbers = new Intl.NumberFormat(locale);
const rates = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
const minute = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const weekday = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short" });

/** 12480 -> "12,480". */
export const formatNumber = (n: number) => numbers.format(n);

/** A share of a whole, "41.0 %"; "–" where the whole is 0. */
export const formatRate = (part: number, whole: number) => (whole === 0 ? "–" : rates.format(part / whole));

/** The time of day with seconds. */
export const formatClock = (at: string | number) => clock.format(new Date(at));

/** The time of day without seconds. */
export const formatMinute = (at: string | number) => minute.format(new Date(at));

/** The day, with the year if it is another than now's. */
export function formatDay(at: string | number, now = Date.now()): string {
  const date = new Date(at);
  return (date.getFullYear() === new Date(now).getFullYear() ? day : dayOfYear).format(date);
}

/** The weekday and the day. */
export const formatWeekday = (at: string | number) => weekday.format(new Date(at));

/** The day and the time of day with seconds. */
export const formatTime = (at: string | number) => `${formatDay(at)}, ${formatClock(at)}`;

/** "12 min ago". */
export function formatAgo(at: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(at) - now) / 1000);
  const units = [
    ["year", 31_536_000],
    ["month", 2_592_000],
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ] as const;
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(0, "second");
}

/** The instant in UTC, for the tooltip of a local time. */
export const formatUTC = (at: string | number) => new Date(at).toISOString();
