import words from "#words/live";
import { factOf, nameOf } from "../../../graph/describe";
import { ReportCells, reportsOf } from "./feedback";
import type { Step, VersionFigures } from "./figures";
import { Count, FigureHead, resultWord } from "./parts";

/** What became of the messages, step by step. */
export function Messages({ version }: { version: VersionFigures }) {
  const rows = version.graph.nodes.flatMap((node) => {
    const step = version.steps.get(node.id);
    const messages = node.type === "channel_action" && step && Object.keys(step.results).length > 0;
    return messages ? [{ step, name: nameOf(node), fact: factOf(node) }] : [];
  });
  const isShared = (name: string) => rows.filter((row) => row.name === name).length > 1;
  const heard = rows.some(({ step }) => step.feedback !== undefined);
  if (rows.length === 0) return null;
  return (
    <section className="sec sec--tight">
      <h2 className="sec-title">{words.messages}</h2>
      <table className="table table--dense table--flush">
        <FigureHead
          names={[words.step, words.result]}
          figures={heard ? [words.peopleColumn, words.ofSent] : [words.peopleColumn]}
        />
        <tbody>
          {rows.map(({ step, name, fact }) => (
            <StepRows key={step.nodeId} step={step} name={(isShared(name) && fact) || name} heard={heard} />
          ))}
        </tbody>
      </table>
      {heard && <p className="help">{words.openedHelp}</p>}
    </section>
  );
}

/** The results of a step's messages, then what was reported of them. */
function StepRows({ step, name, heard }: { step: Step; name: string; heard: boolean }) {
  const results = Object.entries(step.results);
  return (
    <>
      {results.map(([result, n], i) => (
        <tr key={result} className={i === 0 ? undefined : "live-same"}>
          <td className="live-name" title={name}>
            {i === 0 ? name : <span className="sr">{name}</span>}
          </td>
          <td>{resultWord(result)}</td>
          <td className="num">
            <Count n={n} />
          </td>
          {heard && <td />}
        </tr>
      ))}
      {reportsOf(step).flatMap(({ kind, n, word }) =>
        n === 0
          ? []
          : [
              <tr key={kind} className="live-same">
                <td className="live-name">
                  <span className="sr">{name}</span>
                </td>
                <td>{word}</td>
                <ReportCells n={n} step={step} />
              </tr>,
            ],
      )}
    </>
  );
}
