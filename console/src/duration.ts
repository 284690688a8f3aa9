import { locale } from "./format";

/** A length of time by its two largest units: "2 days 3 h", "1 min 5 s", "0 s". */
export function formatDuration(ms: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, Math.round(ms / 1000));
  for (const [unit, size] of [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
    ["second", 1],
  ] as const) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n === 0) continue;
    const format = new Intl.NumberFormat(locale, {
      style: "unit",
      unit,
      unitDisplay: unit === "day" ? "long" : "short",
    });
    parts.push(format.format(n));
  }
  return (
    parts.slice(0, 2).join(" ") ||
    new Intl.NumberFormat(locale, { style: "unit", unit: "second", unitDisplay: "short" }).format(0)
  );
}
