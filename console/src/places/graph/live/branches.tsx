import { useState } from "react";
import words from "#words/live";
import { formatRate, locale } from "../../../format";
import { nameOf, wayParts } from "../../../graph/describe";
import { say } from "../../../say";
import { SelectField } from "../../../ui/field";
import { type Branch, baselineOf, branchesOf, type Step, type VersionFigures } from "./figures";
import { difference } from "./interval";
import { Count, FigureHead } from "./parts";

interface BranchesProps {
  step: Step;
  version: VersionFigures;
}

/**
 * The ways of a step: how many took each, and how many of them converted. Where chance decides the way, each is
 * compared with one of them: people differ by nothing else, so the way made the difference.
 */
export function Branches({ step, version }: BranchesProps) {
  const branches = branchesOf(step, version.graph);
  const random = step.nodeType === "random_split";
  const [chosen, setChosen] = useState<string>();
  const baseline = branches.find(({ id }) => id === chosen)?.id ?? baselineOf(step, branches, version.graph);
  const node = version.graph.nodes.find(({ id }) => id === step.nodeId);
  if (!node || branches.length === 0) return null;
  const base = branches.find(({ id }) => id === baseline);
  const nameOfWay = (id: string) => wayParts(node, { handle: id, name: id }).name;
  const figures = [words.in, words.converted, words.rate];
  return (
    <>
      <table className="table table--dense table--flush live-branches">
        <FigureHead
          names={[nameOf(node)]}
          figures={random && base ? [...figures, say(words.versus, { branch: nameOfWay(base.id) })] : figures}
        />
        <tbody>
          {branches.map((branch) => (
            <tr key={branch.id}>
              <td className="live-name" title={branch.id}>
                {nameOfWay(branch.id)}
              </td>
              <td className="num">
                <Count n={branch.taken} />
              </td>
              <td className="num">
                <Count n={branch.converted} />
              </td>
              <td className="num semi">{formatRate(branch.converted, branch.taken)}</td>
              {random && base && (
                <td className="num">
                  <Versus branch={branch} base={base} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {random && base && (
        <div className="row row--top">
          <p className="help grow">{words.intervalHelp}</p>
          {branches.length > 2 && (
            <SelectField
              label={say(words.compareWith, { split: nameOf(node) })}
              hideLabel
              className="live-select"
              value={base.id}
              options={branches.map(({ id }) => [id, say(words.versus, { branch: nameOfWay(id) })] as const)}
              onChange={(event) => setChosen(event.target.value)}
            />
          )}
        </div>
      )}
    </>
  );
}

function Versus({ branch, base }: { branch: Branch; base: Branch }) {
  if (branch.id === base.id) return <span className="dim">–</span>;
  const found = difference([branch.converted, branch.taken], [base.converted, base.taken]);
  if (!found) return <span className="dim">–</span>;
  const clear = found.low > 0 || found.high < 0;
  const range = say(words.difference, { from: points(found.low), to: points(found.high) });
  return (
    <span title={clear ? words.clear : words.unclear}>
      <span className={clear ? "semi" : undefined}>{points(found.value)}</span> <span className="dim">({range})</span>
      <span className="sr"> {`${words.points}, ${clear ? words.clear : words.unclear}`}</span>
    </span>
  );
}

const signed = new Intl.NumberFormat(locale, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});

function points(share: number): string {
  return signed.format(100 * share).replace("-", "\u2212");
}
