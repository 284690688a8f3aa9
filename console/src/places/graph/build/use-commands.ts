import { useMemo } from "react";
import words from "#words/build";
import { change as changeNode, splitWait } from "../../../graph/branches";
import type { Gap } from "../../../graph/canvas";
import { copySteps, duplicate, gapAfter, pasteSteps, withFollowers } from "../../../graph/clip";
import { nameOf } from "../../../graph/describe";
import {
  addEntry,
  canConnect,
  canRemove,
  connect,
  disconnect,
  insert,
  nodeOf,
  remove,
  waysToKeep,
} from "../../../graph/edit";
import type { Editor } from "../../../graph/editor";
import { type Graph, type GraphNode, isNodeType, type PinnedSettings } from "../../../graph/types";
import { say } from "../../../say";
import { announce } from "../../../ui/announce";
import { keepClip, takeClip } from "./clipboard";

interface Place {
  select: (id: string | null) => void;
  /** Asks which way of a step stays when it is deleted. */
  ask: (id: string) => void;
}

/** What one can do to a graph. Every change has a label to take it back by, and says what it did. */
export interface Commands {
  begin(): void;
  add(gap: Gap, type: string): void;
  remove(id: string, keep?: Gap): void;
  connect(gap: Gap, target: string): void;
  disconnect(gap: Gap): void;
  update(node: GraphNode, field: string): void;
  split(id: string, events: readonly string[]): void;
  set(settings: Partial<PinnedSettings>, label: string, field: string): void;
  copy(id: string, followers?: boolean, data?: DataTransfer | null): void;
  cut(id: string, data?: DataTransfer | null): void;
  paste(after: string | null, at?: Gap, data?: DataTransfer | null): Promise<void>;
  duplicate(id: string): void;
}

/** The commands of an editor. */
export function useCommands(editor: Editor, { select, ask }: Place): Commands {
  const { work, change } = editor;
  return useMemo(() => {
    const graph = work.definition;
    const named = (id: string) => {
      const node = nodeOf(graph, id);
      return node === undefined ? id : nameOf(node);
    };
    const put = (label: string, next: Graph, series?: string) => {
      if (next === graph) return;
      change(label, (w) => ({ ...w, definition: next }), series);
      if (series === undefined) announce(`${label}.`);
    };
    const added = (next: Graph, id: string) => {
      const node = nodeOf(next, id);
      put(say(words.added, { name: node ? nameOf(node) : id }), next);
      select(id);
    };
    const commands: Commands = {
      begin() {
        const { graph: next, id } = addEntry(graph);
        added(next, id);
      },
      add(gap, type) {
        if (!isNodeType(type)) return;
        const { graph: next, id } = insert(graph, gap, type);
        added(next, id);
      },
      remove(id, keep) {
        if (!canRemove(graph, id)) return announce(words.entryStays);
        if (keep === undefined && waysToKeep(graph, id).length > 1) return ask(id);
        const next = remove(graph, id, keep ?? waysToKeep(graph, id)[0]);
        const before = graph.edges.find((edge) => edge.target === id)?.source;
        put(say(words.removed, { name: named(id) }), next);
        select(before ?? null);
      },
      connect(gap, target) {
        if (!canConnect(graph, gap, target)) return announce(words.noCircle);
        put(say(words.connected, { name: named(gap.source), target: named(target) }), connect(graph, gap, target));
      },
      disconnect(gap) {
        put(say(words.ended, { name: named(gap.source) }), disconnect(graph, gap));
      },
      update(node, field) {
        const label = say(words.changed, { name: named(node.id) });
        change(
          label,
          (w) => ({ ...w, definition: changeNode(w.definition, node) }),
          field === "" ? undefined : `${node.id} ${field}`,
        );
      },
      split(id, events) {
        put(say(words.changed, { name: named(id) }), splitWait(graph, id, events));
      },
      set(settings, label, field) {
        change(label, (w) => ({ ...w, ...settings }), `settings ${field}`);
      },
      copy(id, followers = false, data) {
        keepClip(copySteps(graph, followers ? withFollowers(graph, id) : [id]), data);
        announce(say(words.copied, { name: named(id) }));
      },
      cut(id, data) {
        commands.copy(id, false, data);
        commands.remove(id);
      },
      async paste(after, at, data) {
        const clip = await takeClip(data);
        const pasted = clip && pasteSteps(graph, at ?? gapAfter(graph, after), clip);
        if (!pasted) return announce(words.nothingToPaste);
        put(say(words.pasted, { n: clip.nodes.length }), pasted.graph);
        select(pasted.id);
      },
      duplicate(id) {
        const copied = duplicate(graph, id);
        if (copied) added(copied.graph, copied.id);
      },
    };
    return commands;
  }, [work.definition, change, select, ask]);
}
