import words from "#words/simulate";
import { kindOf, nameOf, wayName } from "../../../graph/describe";
import { Tile } from "../../../graph/tile";
import type { Graph, GraphNode } from "../../../graph/types";
import { say } from "../../../say";
import { type Store, useStore } from "../../../store";
import { Button } from "../../../ui/button";
import { Icon } from "../../../ui/icon";
import { Failure, Skeleton } from "../../../ui/states";
import { bySource, type Coverage, exitName, lineTaken, type Result, type Step } from "./coverage";
import { Messages } from "./messages";
import type { Persona, PersonaTest } from "./personas";
import { Detail } from "./step-detail";
import type { Timeline } from "./timeline";
import type { Run } from "./use-runs";
import { clockText, lengthText, momentText, outcomeText, resultText } from "./words-of";

interface StepPanelProps {
  persona: Persona;
  run: Run | undefined;
  graph: Graph;
  timeline: Timeline | undefined;
  coverage: Coverage;
  playhead: Store<number>;
  /** A step that is chosen on the graph and not on the way. */
  aside: GraphNode | undefined;
  /** The names of the personas that come to a step. */
  whoComes: (id: string) => string[];
  hint: string | undefined;
  onEdit: () => void;
  onChange: (change: (test: PersonaTest) => PersonaTest) => void;
}

/** What the step at the playhead did, and what the persona gets. */
export function StepPanel(props: StepPanelProps) {
  const { persona, run, graph, hint, onEdit } = props;
  return (
    <aside className="panel panel--end" aria-label={words.step}>
      {run?.error ? (
        <div className="panel-body scroll">
          <div className="sec">
            <Failure error={run.error} retry={run.retry} />
          </div>
        </div>
      ) : run?.result === undefined ? (
        <Skeleton rows={6} />
      ) : (
        <>
          <Head {...props} result={run.result} />
          <div className="panel-body scroll">
            {hint && (
              <div className="sec sec--tight">
                <p className="warn" role="status">
                  {hint}
                </p>
                <div>
                  <Button small icon="pencil" onClick={onEdit}>
                    {say(words.editing, { name: persona.name })}
                  </Button>
                </div>
              </div>
            )}
            <Here {...props} result={run.result} />
            <Messages result={run.result} graph={graph} name={persona.name} />
          </div>
        </>
      )}
    </aside>
  );
}

type Shown = StepPanelProps & { result: Result };

/** The step at the playhead; undefined at the end of a run that ended in the middle of one. */
function useStep({ result, timeline, playhead }: Shown): Step | undefined {
  const index = timeline?.stops[useStore(playhead)]?.step;
  return index === undefined ? undefined : result.trace[index];
}

function Head(props: Shown) {
  const { graph, aside, result } = props;
  const step = useStep(props);
  const node = aside ?? graph.nodes.find(({ id }) => id === step?.nodeId);
  if (node === undefined) return <OutcomeHead result={result} />;
  const look = kindOf(node);
  return (
    <div className="panel-head">
      <Tile of={look} />
      <div className="grow">
        <h2 className="t4">{nameOf(node)}</h2>
        <div className="t2 dim">
          {aside || step === undefined ? (
            look.word
          ) : (
            <>
              {words.step} {step.step},{" "}
              <span className="nowrap">{clockText(step.at, Date.parse(result.trace[0]?.at ?? step.at))}</span>
            </>
          )}
        </div>
      </div>
      {!aside && step && step.nodeType !== "exit" && <ResultChip step={step} node={node} />}
    </div>
  );
}

function OutcomeHead({ result }: { result: Result }) {
  return (
    <div className="panel-head">
      <Tile of={{ kind: "k-exit", icon: "exit" }} />
      <div className="grow">
        <h2 className="t4">{words.outcome}</h2>
        <div className="t2 dim">{lengthText(result)}</div>
      </div>
    </div>
  );
}

function ResultChip({ step, node }: { step: Step; node: GraphNode }) {
  const tone = toneOf(step);
  return (
    <span className={tone === "" ? "chip" : `chip chip--${tone}`}>
      {tone === "ok" && <Icon name="check" />}
      {tone === "warn" && <Icon name="warning" />}
      {resultText(step, node)}
    </span>
  );
}

function toneOf({ result }: Step): "ok" | "warn" | "" {
  if (["true", "sent", "updated", "decided", "entered"].includes(result)) return "ok";
  const warns = ["error", "stopped", "expired", "not_entered"].includes(result) || result.startsWith("skipped_");
  return warns ? "warn" : "";
}

function Here(props: Shown) {
  const { persona, graph, aside, whoComes, coverage, result, onChange } = props;
  const step = useStep(props);
  if (aside) {
    const names = whoComes(aside.id);
    return (
      <div className="sec sec--tight">
        <p>{say(words.comesNot, { name: persona.name })}</p>
        <p className="dim">
          {names.length === 0 ? words.nobodyComes : say(words.comeHere, { n: names.length, names: names.join(", ") })}
        </p>
      </div>
    );
  }
  const node = graph.nodes.find(({ id }) => id === step?.nodeId);
  if (step === undefined || node === undefined) return <Outcome result={result} graph={graph} />;
  const line = lineTaken(step, bySource(coverage.lines.filter((l) => l.node.id === node.id)));
  const next = graph.nodes.find(({ id }) => id === step.next);
  return (
    <div className="sec sec--tight">
      <Detail step={step} node={node} graph={graph} persona={persona} onChange={onChange} />
      {next && (
        <div className="row t2">
          {line?.way.handle && <span className="chip chip--line">{wayName(node, line.way)}</span>}
          <span className="sr">{words.goesOn}</span>
          <Icon name="arrow-right" small />
          <span className="med">{nameOf(next)}</span>
        </div>
      )}
      {next === undefined && <Outcome result={result} graph={graph} inner />}
    </div>
  );
}

/** How the run ended, and its conversion. */
function Outcome({ result, graph, inner = false }: { result: Result; graph: Graph; inner?: boolean }) {
  const { conversion, exitReason } = result;
  const name = exitName(graph, result);
  return (
    <div className={inner ? "col gap-2" : "sec sec--tight"}>
      <p className="row row--top">
        <Icon name="exit" />
        <span>
          {say(words.ended, { outcome: outcomeText(result, name), time: lengthText(result) })}
          {name !== undefined && exitReason !== null && (
            <>
              {" "}
              <code className="dim">{exitReason}</code>
            </>
          )}
        </span>
      </p>
      {conversion && (
        <p className="row row--top ok">
          <Icon name="goal" />
          <span>
            {say(words.converted, { time: momentText(conversion.at) })}, <code>{conversion.eventType}</code>
          </span>
        </p>
      )}
    </div>
  );
}
