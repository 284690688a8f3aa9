import words from "#words/forms";
import { labelOf, stepsBefore } from "../condition/names";
import { type Graph, reports } from "../graph/types";
import { type JsonObject, scalarText } from "../json";
import type { Fault } from "../problem";
import { SelectField } from "../ui/field";
import { faultAt } from "./fields";

/** The messages that are sent before a step, nearest first. */
export function messagesBefore(graph: Graph, nodeId: string) {
  return stepsBefore(graph, nodeId).filter(({ type }) => type === "channel_action");
}

/** Whether a way out of a wait is taken by a report of a message, and not by an event. */
export function isReport(rule: JsonObject): boolean {
  return rule["step"] !== undefined && rule["step"] !== null;
}

interface RuleProps {
  rule: JsonObject;
  graph: Graph;
  nodeId: string;
  faults: readonly Fault[];
  onChange: (rule: JsonObject) => void;
  /** Beside the message. */
  children?: React.ReactNode;
  verbs?: React.ReactNode;
}

/** A message that was sent before, and what is reported of it. */
export function ReportRule({ rule, graph, nodeId, faults, onChange, children, verbs }: RuleProps) {
  const is = scalarText(rule["is"]);
  const machine = is === "opened" ? words.openedHelp : is === "clicked" ? words.clickedHelp : undefined;
  return (
    <>
      <div className="row row--top">
        <SelectField
          label={words.ofMessage}
          className="grow"
          value={scalarText(rule["step"])}
          options={messagesBefore(graph, nodeId).map((step) => [step.id, labelOf(step)] as const)}
          fault={faultAt(faults, "/step")}
          onChange={(event) => onChange({ ...rule, step: event.target.value })}
        />
        {children}
      </div>
      <SelectField
        label={words.report}
        value={is}
        options={reports.map((kind) => [kind, words.reports[kind]] as const)}
        fault={faultAt(faults, "/is")}
        help={machine}
        onChange={(event) => onChange({ ...rule, is: event.target.value })}
      />
      {verbs && (
        <div className="row">
          <span className="push">{verbs}</span>
        </div>
      )}
    </>
  );
}
