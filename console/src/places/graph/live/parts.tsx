// Small pieces that the figures are made of.
import type { ReactNode } from "react";
import words from "#words/live";
import { formatNumber, formatRate } from "../../../format";
import { useRoute } from "../../../route";

/** A number in a table: bold red for stuck people, gray for none. */
export function Count({ n, bad = false }: { n: number; bad?: boolean }) {
  const className = n === 0 ? "dimmer" : bad && n > 0 ? "bad semi" : undefined;
  return <span className={className}>{formatNumber(n)}</span>;
}

interface FigureHeadProps {
  /** The names of the first columns, which say what a row is. */
  names: readonly string[];
  /** The names of the columns of figures. */
  figures: readonly string[];
}

/** The head of a table of figures. */
export function FigureHead({ names, figures }: FigureHeadProps) {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th key={name} scope="col">
            {name}
          </th>
        ))}
        {figures.map((name) => (
          <th key={name} scope="col" className="num">
            {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}

interface SumRowProps {
  part?: "inside" | "finished" | "left" | "failed";
  n: number;
  whole: number;
  children: ReactNode;
}

/** One row of a sum, with its share of the whole. */
export function SumRow({ part, n, whole, children }: SumRowProps) {
  return (
    <div className="sum-row">
      <span className={part ? `key d-${part}` : "key"} />
      <span>{children}</span>
      <span className={part === "failed" && n > 0 ? "num semi bad" : "num"}>
        <Count n={n} />
      </span>
      <span className="num dim t2 live-rate">{formatRate(n, whole)}</span>
    </div>
  );
}

/** The last row of a sum. */
export function SumTotal({ n, children }: { n: number; children: ReactNode }) {
  return (
    <div className="sum-row semi live-total">
      <span />
      <span>{children}</span>
      <span className="num">{formatNumber(n)}</span>
      <span />
    </div>
  );
}

/** What a step's result is called. */
export function resultWord(result: string): string {
  const known: Readonly<Record<string, string>> = words.resultWords;
  return Object.hasOwn(known, result) ? (known[result] ?? result) : result;
}

/** The number of the earlier version that the address asks for; null for the present one. */
export function useVersionNumber(): number | null {
  const number = Number(useRoute().query.get("version") ?? "");
  return Number.isInteger(number) && number > 0 ? number : null;
}

/** The parts of a sum with their names, in their order. */
export const partWords = [
  ["inside", words.insideRow],
  ["finished", words.finished],
  ["left", words.left],
  ["failed", words.failed],
] as const;
