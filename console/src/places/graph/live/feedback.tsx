import words from "#words/live";
import { formatRate } from "../../../format";
import type { Step } from "./figures";
import { Count, FigureHead } from "./parts";

/** What is reported of messages, but for `opened`: that is often reported for a machine, so it stands apart. */
const kinds = ["delivered", "clicked", "bounced", "complained", "unsubscribed"] as const;

/** A kind of report, its number and its word. */
export interface Report {
  kind: string;
  n: number;
  word: string;
}

/** What was reported of a step's messages, opens last. `delivered` is left out where no report of it came. */
export function reportsOf({ feedback }: Step): Report[] {
  if (!feedback) return [];
  const asked = kinds.filter((kind) => kind !== "delivered" || feedback.delivered > 0);
  return [...asked, "opened" as const].map((kind) => ({ kind, n: feedback[kind], word: words.feedbackWords[kind] }));
}

/** The reports of a step in words, for its accessible name. */
export function sayReports(step: Step): string {
  return reportsOf(step)
    .map(({ n, word }) => `${n} ${word}`)
    .join(", ");
}

/** The cells of a report: its number, and its share of the messages that were sent. */
export function ReportCells({ n, step }: { n: number; step: Step }) {
  return (
    <>
      <td className="num">
        <Count n={n} />
      </td>
      <td className="num dim">{formatRate(n, step.results["sent"] ?? 0)}</td>
    </>
  );
}

/** What was reported of the messages of the chosen step. */
export function Feedback({ step }: { step: Step }) {
  const reports = reportsOf(step);
  if (reports.length === 0) return null;
  return (
    <section className="sec sec--tight">
      <h3 className="sec-title">{words.feedback}</h3>
      <table className="table table--dense table--flush">
        <FigureHead names={[words.report]} figures={[words.peopleColumn, words.ofSent]} />
        <tbody>
          {reports.map(({ kind, n, word }) => (
            <tr key={kind}>
              <td>{word}</td>
              <ReportCells n={n} step={step} />
            </tr>
          ))}
        </tbody>
      </table>
      <p className="help">{words.openedHelp}</p>
    </section>
  );
}
