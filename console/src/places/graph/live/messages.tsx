import words from "#words/live";
import { nameOf } from "../../../graph/describe";
import type { VersionFigures } from "./figures";
import { Count, resultWord } from "./parts";

/** What became of the messages, step by step. */
export function Messages({ version }: { version: VersionFigures }) {
  const rows = version.graph.nodes.flatMap((node) => {
    const results = Object.entries(version.steps.get(node.id)?.results ?? {});
    return node.type === "channel_action" && results.length > 0 ? [{ id: node.id, name: nameOf(node), results }] : [];
  });
  if (rows.length === 0) return null;
  return (
    <section className="sec sec--tight">
      <h2 className="sec-title">{words.messages}</h2>
      <table className="table table--dense table--flush">
        <thead>
          <tr>
            <th scope="col">{words.step}</th>
            <th scope="col">{words.result}</th>
            <th scope="col" className="num">
              {words.peopleColumn}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.flatMap(({ id, name, results }) =>
            results.map(([result, n], i) => (
              <tr key={`${id} ${result}`}>
                <td className="live-name">{i === 0 ? name : <span className="sr">{name}</span>}</td>
                <td>{resultWord(result)}</td>
                <td className="num">
                  <Count n={n} />
                </td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </section>
  );
}
