import words from "#words/build";
import type { Schemas } from "../../../api";
import { NodeForm } from "../../../forms/node-form";
import { kindOf, nameOf } from "../../../graph/describe";
import { canRemove, rename } from "../../../graph/edit";
import type { GraphNode, Work } from "../../../graph/types";
import { useNames, useSettings } from "../../../queries";
import { say } from "../../../say";
import { Button, IconButton } from "../../../ui/button";
import { Icon } from "../../../ui/icon";
import { Menu, type MenuItem } from "../../../ui/menu";
import type { Finding } from "./findings";
import type { Commands } from "./use-commands";
import { WaysOut } from "./ways-out";

interface StepPanelProps {
  work: Work;
  journey: Schemas["Journey"];
  node: GraphNode;
  findings: readonly Finding[];
  readOnly: boolean;
  commands: Commands;
  onClose: () => void;
  endSeries: () => void;
}

/** The form of the chosen step. */
export function StepPanel(props: StepPanelProps) {
  const { work, node, findings, readOnly, commands, onClose, endSeries } = props;
  const settings = useSettings();
  const names = useNames();
  const { kind, icon, word } = kindOf(node);
  const name = nameOf(node);
  const faults = findings
    .filter((finding) => finding.nodeId === node.id)
    .map(({ pointer, text }) => ({ pointer, detail: text }));
  return (
    <aside className="panel panel--end only-wide" aria-label={`${word}: ${name}`} onBlur={endSeries}>
      <div className="panel-head">
        <span className={`kind ${kind}`}>
          <Icon name={icon} />
        </span>
        <div className="grow">
          <input
            className="title-input"
            aria-label={words.name}
            placeholder={word}
            value={name === word ? "" : name}
            readOnly={readOnly}
            onChange={(event) => commands.update(rename(node, event.target.value), "name")}
          />
          <div className="t2 dim title-kind">{word}</div>
        </div>
        {!readOnly && <More {...props} />}
        <IconButton icon="close" label={words.close} onClick={onClose} />
      </div>
      <fieldset className="panel-body scroll" disabled={readOnly}>
        <NodeForm
          key={node.id}
          node={node}
          graph={work.definition}
          settings={settings.data}
          names={names.data}
          faults={faults}
          onChange={commands.update}
        />
        <WaysOut graph={work.definition} node={node} commands={commands} />
      </fieldset>
      <div className="panel-foot">
        {!readOnly && (
          <>
            {node.type !== "entry_trigger" && node.type !== "exit" && (
              <Button small look="quiet" icon="copy" onClick={() => commands.duplicate(node.id)}>
                {words.duplicate}
              </Button>
            )}
            {canRemove(work.definition, node.id) && (
              <Button small look="quiet" icon="trash" onClick={() => commands.remove(node.id)}>
                {words.remove} <kbd>D</kbd>
              </Button>
            )}
          </>
        )}
        <code className="push t1 dimmer cut" title={words.id}>
          {node.id}
        </code>
      </div>
    </aside>
  );
}

function More({ work, node, commands }: StepPanelProps) {
  const items: MenuItem[] = [
    { icon: "copy", label: words.copy, key: "C", run: () => commands.copy(node.id) },
    { icon: "copy", label: words.copyFollowers, run: () => commands.copy(node.id, true) },
    ...(canRemove(work.definition, node.id)
      ? [{ icon: "trash" as const, label: words.cut, key: "X", run: () => commands.cut(node.id) }]
      : []),
    { icon: "plus", label: words.pasteAfter, key: "V", run: () => void commands.paste(node.id) },
  ];
  return (
    <Menu label={say(words.more)} items={items}>
      <Icon name="more" />
    </Menu>
  );
}
