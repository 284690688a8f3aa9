import { lazy, Suspense, useState } from "react";
import words from "#words/build";
import type { Schemas } from "../../../api";
import { NodeForm } from "../../../forms/node-form";
import { canRemove } from "../../../graph/edit";
import type { Editor } from "../../../graph/editor";
import type { GraphNode } from "../../../graph/types";
import { awaitedIds } from "../../../graph/ways";
import { useNames, useSettings } from "../../../queries";
import { Icon } from "../../../ui/icon";
import { Menu, type MenuItem } from "../../../ui/menu";
import type { Finding } from "./findings";
import type { Commands } from "./use-commands";

const SendTest = lazy(() => import("./send-test"));

interface StepPanelProps {
  editor: Editor;
  journey: Schemas["Journey"];
  node: GraphNode;
  findings: readonly Finding[];
  readOnly: boolean;
  commands: Commands;
  onClose: () => void;
}

/** The form of the chosen step. */
export function StepPanel(props: StepPanelProps) {
  const { editor, journey, node, findings, readOnly, commands, onClose } = props;
  const [testing, setTesting] = useState(false);
  const settings = useSettings();
  const names = useNames();
  const graph = editor.work.definition;
  const faults = findings
    .filter(({ nodeId, tone }) => nodeId === node.id && tone === "bad")
    .map(({ pointer, text }) => ({ pointer, detail: text }));
  const copies = node.type !== "entry_trigger" && node.type !== "exit";
  return (
    <>
      <NodeForm
        node={node}
        graph={graph}
        settings={settings.data}
        names={names.data}
        faults={faults}
        entryEvent={journey.entryCondition?.event ?? ""}
        onChange={commands.update}
        onWay={(handle, target) => {
          if (target === null) commands.disconnect({ source: node.id, handle });
          else commands.connect({ source: node.id, handle }, target);
        }}
        onSplit={() => commands.split(node.id, awaitedIds(node.config ?? {}))}
        {...(!readOnly && node.type === "channel_action" ? { onSendTest: () => setTesting(true) } : {})}
        {...(!readOnly && copies ? { onDuplicate: () => commands.duplicate(node.id) } : {})}
        {...(!readOnly && canRemove(graph, node.id) ? { onDelete: () => commands.remove(node.id) } : {})}
        {...(readOnly ? {} : { onClose, more: <More {...props} /> })}
      />
      {testing && (
        <Suspense fallback={null}>
          <SendTest editor={editor} node={node} onClose={() => setTesting(false)} />
        </Suspense>
      )}
    </>
  );
}

function More({ editor, node, commands }: StepPanelProps) {
  const items: MenuItem[] = [
    { icon: "copy", label: words.copy, key: "C", run: () => commands.copy(node.id) },
    { icon: "copy", label: words.copyFollowers, run: () => commands.copy(node.id, true) },
    ...(canRemove(editor.work.definition, node.id)
      ? [{ icon: "trash" as const, label: words.cut, key: "X", run: () => commands.cut(node.id) }]
      : []),
    { icon: "plus", label: words.pasteAfter, key: "V", run: () => void commands.paste(node.id) },
  ];
  return (
    <Menu label={words.more} items={items}>
      <Icon name="more" />
    </Menu>
  );
}
