import { useState } from "react";
import words from "#words/people";
import { Problem } from "../../problem";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { download } from "../../ui/download";
import { Segments } from "../../ui/field";
import { Icon, type IconName } from "../../ui/icon";
import { explain } from "../../ui/states";
import { writeCsv } from "./csv";
import { type EnrollRun, type EnrollVerdict, hasRest, tally } from "./enroll-run";

interface ViewProps {
  run: EnrollRun;
  stop: () => void;
  again: () => void;
  close: () => void;
}

type Shown = "all" | EnrollVerdict["outcome"];
const step = 100;

/** How far enrolling is, and the verdict on each person. */
export function EnrollRunView({ run, stop, again, close }: ViewProps) {
  const [shown, setShown] = useState<Shown>("all");
  const [rows, setRows] = useState(step);
  const counts = tally(run);
  const busy = run.state === "running" || run.state === "stopping";
  const verdicts = [...run.verdicts].filter(([, { outcome }]) => shown === "all" || outcome === shown);
  return (
    <>
      <div className="col gap-2" role="status">
        <div className="row">
          <span className="semi grow">{say(words.enrollStates[run.state], { n: run.total })}</span>
          <span className="semi">{say(words.of, { n: run.verdicts.size, total: run.total })}</span>
        </div>
        <span className="meter" aria-hidden="true">
          <i style={{ ["--w" as string]: `${(100 * run.verdicts.size) / Math.max(1, run.total)}%` }} />
        </span>
      </div>
      {run.problem !== undefined && <RunProblem error={run.problem} />}
      <div className="row">
        <Segments
          label={words.whichVerdicts}
          value={shown}
          onChange={(next) => {
            setShown(next);
            setRows(step);
          }}
          options={[
            ["all", <Count key="all" word={words.all} n={run.verdicts.size} />],
            ["enrolled", <Count key="enrolled" word={words.outcomes.enrolled} n={counts.enrolled} />],
            ["skipped", <Count key="skipped" word={words.outcomes.skipped} n={counts.skipped} />],
            ["error", <Count key="error" word={words.outcomes.error} n={counts.error} bad />],
          ]}
        />
        <span className="push">
          <Button
            icon="download"
            waits={run.verdicts.size === 0 ? words.nothingYet : undefined}
            onClick={() => save(run)}
          >
            {words.downloadCsv}
          </Button>
        </span>
      </div>
      <div className="card people-table people-verdicts scroll" tabIndex={-1}>
        <table className="table table--dense">
          <thead>
            <tr>
              <th scope="col">{words.person}</th>
              <th scope="col">{words.verdict}</th>
              <th scope="col">{words.why}</th>
            </tr>
          </thead>
          <tbody>
            {verdicts.slice(0, rows).map(([id, verdict]) => (
              <tr key={id}>
                <td className="mono">{id}</td>
                <td>
                  <OutcomeWord outcome={verdict.outcome} />
                </td>
                <td className="dim">{codeText(verdict)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {verdicts.length > rows && (
          <div className="people-pad">
            <Button small onClick={() => setRows(rows + step * 5)}>
              {words.more}
            </Button>
          </div>
        )}
      </div>
      <div className="row">
        <span className="grow dim t2">{words.enrollSafe}</span>
        {busy && (
          <Button onClick={stop} waits={run.state === "stopping" ? words.stopping : undefined}>
            {words.stop}
          </Button>
        )}
        {!busy && hasRest(run) && (
          <Button icon="refresh" onClick={again}>
            {words.enrollRest}
          </Button>
        )}
        {!busy && (
          <Button look="primary" onClick={close}>
            {words.close}
          </Button>
        )}
      </div>
    </>
  );
}

function Count({ word, n, bad }: { word: string; n: number; bad?: boolean }) {
  return (
    <>
      {word} <span className={bad && n > 0 ? "n bad semi" : "n"}>{say("{n}", { n })}</span>
    </>
  );
}

function RunProblem({ error }: { error: unknown }) {
  const { title, detail } = explain(error);
  return (
    <p className="help help--bad" role="alert">
      <Icon name="alert" small />
      <span>
        {title}. {detail} {error instanceof Problem && error.faults[0]?.detail} {words.repeatable}
      </span>
    </p>
  );
}

const signs: Record<EnrollVerdict["outcome"], { icon: IconName; tone: string }> = {
  enrolled: { icon: "check", tone: "ok" },
  skipped: { icon: "minus", tone: "dim" },
  error: { icon: "alert", tone: "bad" },
};

function OutcomeWord({ outcome }: { outcome: EnrollVerdict["outcome"] }) {
  const { icon, tone } = signs[outcome];
  return (
    <span className={`state ${tone}`}>
      <Icon name={icon} />
      {words.outcomes[outcome]}
    </span>
  );
}

/** The words for a code; the code itself where there are none. */
function codeText({ outcome, code }: EnrollVerdict): string {
  if (code === "") return outcome === "skipped" ? words.codes.duplicate : "";
  return code in words.codes ? words.codes[code as keyof typeof words.codes] : code;
}

/** Saves the verdicts as a file. */
function save(run: EnrollRun) {
  const rows = [...run.verdicts].map(([id, { outcome, code }]) => [id, outcome, code]);
  const text = writeCsv([["customerId", "outcome", "code"], ...rows]);
  download(words.fileName, text, "text/csv");
}
