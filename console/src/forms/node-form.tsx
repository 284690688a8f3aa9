import { useRef } from "react";
import words from "#words/forms";
import type { Schemas } from "../api";
import type { Context } from "../condition/names";
import { Said } from "../condition/said";
import { kindOf, nameOf } from "../graph/describe";
import { rename } from "../graph/edit";
import { Tile } from "../graph/tile";
import { type Graph, type GraphNode, isNodeType, type NodeType } from "../graph/types";
import type { Json } from "../json";
import type { Fault } from "../problem";
import "../style/forms.css";
import { Button, IconButton } from "../ui/button";
import { FaultLine, TextArea } from "../ui/field";
import { faultsIn } from "./fields";
import type { StepForm } from "./form";
import { useKeptFocus } from "./kept-focus";
import { withKey } from "./keys";
import { MessageForm } from "./message";
import { sayStep } from "./says";
import { DecisionForm, EntryForm, ExitForm } from "./small";
import { ConditionForm, MultiForm, RandomForm } from "./splits";
import { UpdateForm } from "./update";
import { WaitForm } from "./wait";
import { WaysOut } from "./ways-out";

interface Props {
  node: GraphNode;
  graph: Graph;
  settings: Schemas["Settings"] | undefined;
  names: Schemas["Names"] | undefined;
  /** Faults of the API, by pointer into the node. */
  faults: readonly Fault[];
  /** `field` names what was changed: changes of the same field that follow each other are one. */
  onChange: (next: GraphNode, field: string) => void;
  /** The event of the journey's `entryCondition`; "" for none. */
  entryEvent?: string;
  onWay?: (handle: string | null, target: string | null) => void;
  /** Gives a wait with one line a way for each of its events. */
  onSplit?: () => void;
  onSendTest?: () => void;
  onDuplicate?: () => void;
  onDelete?: () => void;
  onClose?: () => void;
  /** Beside the button that closes the panel: a menu. */
  more?: React.ReactNode;
}

const forms: Record<NodeType, (form: StepForm) => React.ReactNode> = {
  entry_trigger: EntryForm,
  wait: WaitForm,
  condition_split: ConditionForm,
  multi_split: MultiForm,
  random_split: RandomForm,
  nba_decision: DecisionForm,
  channel_action: MessageForm,
  update_customer: UpdateForm,
  exit: ExitForm,
};

/** Whether a step's form needs the wide panel. */
export function isWideForm(node: GraphNode): boolean {
  return ["entry_trigger", "condition_split", "multi_split", "channel_action", "update_customer"].includes(node.type);
}

/** The panel with the form of a step. */
export function NodeForm(props: Props) {
  // A form keeps what is typed and not yet saved, so each step has one of its own.
  return <Panel key={props.node.id} {...props} />;
}

function Panel(props: Props) {
  const { node, graph, settings, onWay, onSplit, onSendTest, onDuplicate, onDelete } = props;
  const panel = useRef<HTMLElement>(null);
  useKeptFocus(panel);
  const entryEvent = entryEventOf(graph, props.entryEvent ?? "");
  return (
    <aside ref={panel} className="panel panel--end" aria-label={`${kindOf(node).word}: ${nameOf(node)}`}>
      <Head {...props} />
      <div className="panel-body scroll">
        <NodeFaults faults={props.faults} />
        <Fields {...props} entryEvent={entryEvent} />
        {onWay && <WaysOut node={node} graph={graph} onWay={onWay} onSplit={onSplit} />}
      </div>
      <div className="form-says">
        <p className="sentence" aria-live="polite">
          <Said parts={sayStep(node, graph, settings, props.entryEvent ?? "")} />
        </p>
      </div>
      <div className="panel-foot">
        {onSendTest && (
          <Button small look="quiet" icon="email" onClick={onSendTest}>
            {words.sendTest}
          </Button>
        )}
        {onDuplicate && (
          <Button small look="quiet" icon="copy" onClick={onDuplicate}>
            {words.duplicate}
          </Button>
        )}
        {onDelete && (
          <Button small look="quiet" icon="trash" onClick={onDelete}>
            {words.delete} <kbd>D</kbd>
          </Button>
        )}
        <code className="push t1 dimmer" title={words.idTitle}>
          {node.id}
        </code>
      </div>
    </aside>
  );
}

/** The event that starts the journey: of the journey itself, or of its entry. */
export function entryEventOf(graph: Graph, ofJourney: string): string {
  if (ofJourney !== "") return ofJourney;
  const type = graph.nodes.find((node) => node.type === "entry_trigger")?.config?.["eventType"];
  return typeof type === "string" ? type : "";
}

function Head({ node, onChange, onClose, more }: Props) {
  const look = kindOf(node);
  const data = node["data"];
  const label = node.label ?? (typeof data === "object" && data !== null && "label" in data ? data.label : undefined);
  return (
    <div className="panel-head">
      <Tile of={look} />
      <div className="grow">
        <input
          className="title-input"
          aria-label={words.name}
          placeholder={look.word}
          maxLength={255}
          value={typeof label === "string" ? label : ""}
          onChange={(event) => onChange(rename(node, event.target.value), "name")}
        />
        <h2 className="t2 dim form-kind">{look.word}</h2>
      </div>
      {more}
      {onClose && <IconButton icon="close" label={words.close} onClick={onClose} />}
    </div>
  );
}

/** Faults of the step that belong to no field: of its lines, or of all it holds. */
function NodeFaults({ faults }: { faults: readonly Fault[] }) {
  const whole = faults.filter(({ pointer }) => !pointer.startsWith("/config/"));
  if (whole.length === 0) return null;
  return (
    <div className="sec sec--tight">
      {whole.map(({ detail }) => (
        <FaultLine key={detail} text={detail} />
      ))}
    </div>
  );
}

function Fields({ node, graph, settings, names, faults, onChange, entryEvent }: Props & { entryEvent: string }) {
  if (!isNodeType(node.type)) {
    return (
      <div className="sec">
        <p className="help">{words.unknown}</p>
        <TextArea
          label={words.unknownJson}
          mono
          disabled
          rows={12}
          value={JSON.stringify(node, null, 2)}
          onChange={() => {}}
        />
      </div>
    );
  }
  const config = node.config ?? {};
  const context: Context = { names, graph, nodeId: node.id, entryEvent, limits: settings?.limits };
  const put = (next: StepForm["config"], field: string) => onChange({ ...node, config: next }, field);
  const set = (key: string, value: Json | undefined) => put(withKey(config, key, value), key);
  const Form = forms[node.type];
  return <Form {...{ node, config, graph, settings, context, put, set }} faults={faultsIn(faults, "/config")} />;
}
