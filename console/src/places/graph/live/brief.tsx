import words from "#words/live";
import { formatNumber, formatRate } from "../../../format";
import type { Counts } from "./figures";
import { partWords } from "./parts";

/** The sum on a phone, above the steps. */
export function Brief({ counts }: { counts: Counts }) {
  const { entered, converted } = counts;
  return (
    <section className="panel live-brief only-narrow" aria-label={words.together}>
      <dl>
        {partWords.map(([part, name]) => (
          <div key={part}>
            <dt className="t2 dim row row--1">
              <span className={`key d-${part}`} />
              {name}
            </dt>
            <dd className={part === "failed" && counts.failed > 0 ? "t4 bad" : "t4"}>{formatNumber(counts[part])}</dd>
          </div>
        ))}
      </dl>
      <div className="row t2">
        <span className="dim">{words.together}</span> <b>{formatNumber(entered)}</b>{" "}
        <span className="dim">{words.enteredWord}</span>
        {converted > 0 && (
          <span className="push">
            <b>{formatRate(converted, entered)}</b> <span className="dim">{words.convertedWord}</span>
          </span>
        )}
      </div>
    </section>
  );
}
