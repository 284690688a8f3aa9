import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import words from "#words/build";
import type { Answer, Schemas } from "../../../api";
import { isWideSection } from "../../../forms/journey-form";
import { isWideForm } from "../../../forms/node-form";
import { Canvas, type Gap } from "../../../graph/canvas";
import { gapAfter } from "../../../graph/clip";
import { nodeOf } from "../../../graph/edit";
import type { Editor } from "../../../graph/editor";
import { OverlayStore } from "../../../graph/overlay";
import type { NodeType } from "../../../graph/types";
import { readRoute } from "../../../route";
import { useStore } from "../../../store";
import { outline, useSelected } from "../selected";
import { BuildBar } from "./bar";
import { Begin } from "./begin";
import { Conflict } from "./conflict";
import type { Finding } from "./findings";
import { FindingsList } from "./findings-list";
import { InsertMenu } from "./insert-menu";
import { JourneyPanel } from "./journey-panel";
import { KeepDialog } from "./keep-dialog";
import { marks } from "./marks";
import { Palette, type Part, parts } from "./palette";
import { Narrow, RestPanel } from "./rest-panel";
import { StepPanel } from "./step-panel";
import { useBuildKeys } from "./use-build-keys";
import { useCommands } from "./use-commands";
import { useFindings } from "./use-findings";
import { useWide } from "./use-wide";
import "../../../style/build.css";

interface BuildProps {
  editor: Editor;
  journey: Schemas["Journey"];
  /** The journey with its tag. */
  answer: Answer<Schemas["Journey"]>;
}

interface Adding {
  gap: Gap;
  anchor: HTMLElement | null;
}

/** The mode build: the draft is edited. */
export default function Build({ editor, journey, answer }: BuildProps) {
  const { work } = editor;
  const graph = work.definition;
  const wide = useWide();
  const readOnly = !wide || journey.status === "archived";
  const [selected, selectStep] = useSelected();
  const [part, setPart] = useState<Part | null>(partOfAddress);
  const [adding, setAdding] = useState<Adding | null>(null);
  const [asking, setAsking] = useState<string | null>(null);
  const [found, setFound] = useState<Finding | null>(null);
  const outlined = useStore(outline);
  const findings = useFindings(journey.id, work);
  const select = useCallback(
    (id: string | null) => {
      setPart(null);
      selectStep(id);
    },
    [selectStep],
  );
  const show = useCallback(
    (id: string | null) => {
      select(id);
      focusStep(id);
    },
    [select],
  );
  const commands = useCommands(editor, { select: show, ask: setAsking });
  const overlays = useOverlays(findings);
  const node = nodeOf(graph, selected);
  const isWide = part === null ? node !== undefined && isWideForm(node) : isWideSection(part);

  // A condition needs the room, and beside it the drawing.
  const bare = wide && part === null && (node?.type === "condition_split" || node?.type === "multi_split");

  const choose = (finding: Finding) => {
    setFound(finding);
    if (finding.nodeId !== null) select(finding.nodeId);
    else setPart(partOf(finding.setting));
    focusField(finding.pointer);
  };
  const chooseNext = () => {
    if (!findings || findings.length === 0) return;
    const now = found === null ? -1 : findings.findIndex((f) => f.text === found.text && f.nodeId === found.nodeId);
    const next = findings[(now + 1) % findings.length];
    if (next) choose(next);
  };
  const close = () => {
    if (part !== null) return setPart(null);
    select(null);
    focusStep(selected);
  };
  const insertAfter = (id: string | null) => {
    const gap = gapAfter(graph, id);
    if (gap) setAdding({ gap, anchor: anchorOf(gap.source) });
  };
  const addFromPalette = (type: NodeType) => {
    const gap = gapAfter(graph, selected);
    if (gap === null) commands.begin();
    else commands.add(gap, type);
  };
  const onKey = useBuildKeys({ editor, commands, selected, readOnly, insertAfter, chooseNext, close });

  return (
    <>
      <Conflict editor={editor} name={journey.name} />
      <BuildBar
        editor={editor}
        journey={journey}
        readOnly={readOnly}
        faults={findings?.filter(({ tone }) => tone === "bad").length}
        onFind={show}
      />
      <main
        id="main"
        className={bare ? "work work--bare" : isWide ? "work work--wide" : "work work--build"}
        tabIndex={-1}
        aria-label={words.main}
      >
        {!bare && <Palette readOnly={readOnly} part={part} onAdd={addFromPalette} onPart={setPart} />}
        {!wide && <Narrow id={journey.id} />}
        <div className="middle">
          {graph.nodes.length === 0 ? (
            <Begin readOnly={readOnly} commands={commands} />
          ) : (
            <Canvas
              graph={graph}
              overlays={overlays}
              selected={selected}
              onSelect={select}
              onKey={onKey}
              outline={outlined}
              {...(readOnly
                ? {}
                : {
                    onInsert: (gap: Gap, anchor: HTMLElement | null) => setAdding({ gap, anchor }),
                    onDrop: commands.add,
                    onConnect: commands.connect,
                  })}
            />
          )}
          {wide && graph.nodes.length > 0 && (
            <FindingsList
              graph={graph}
              findings={findings ?? []}
              current={found}
              onChoose={choose}
              onNext={chooseNext}
            />
          )}
        </div>
        {wide && (
          <fieldset className="form-place" disabled={readOnly} onBlur={editor.endSeries}>
            {part !== null ? (
              <JourneyPanel
                part={part}
                editor={editor}
                journey={answer}
                findings={findings ?? []}
                commands={commands}
                onClose={close}
              />
            ) : node ? (
              <StepPanel
                editor={editor}
                journey={journey}
                node={node}
                findings={findings ?? []}
                readOnly={readOnly}
                commands={commands}
                onClose={close}
              />
            ) : (
              <RestPanel journey={journey} graph={graph} readOnly={readOnly} />
            )}
          </fieldset>
        )}
      </main>
      {adding && (
        <InsertMenu
          key={`${adding.gap.source} ${adding.gap.handle}`}
          graph={graph}
          {...adding}
          commands={commands}
          onClose={() => setAdding(null)}
        />
      )}
      {asking && (
        <KeepDialog
          graph={graph}
          id={asking}
          onClose={() => setAsking(null)}
          onKeep={(gap) => {
            setAsking(null);
            commands.remove(asking, gap);
          }}
        />
      )}
    </>
  );
}

function useOverlays(findings: readonly Finding[] | undefined): OverlayStore {
  const overlays = useMemo(() => new OverlayStore(), []);
  const last = useRef(overlays.value.steps);
  useEffect(() => {
    last.current = marks(findings ?? [], last.current);
    overlays.set({ steps: last.current, lines: new Map() });
  }, [overlays, findings]);
  return overlays;
}

/** The part that an address asks for, such as the one of "Change" on the page Launch. */
function partOfAddress(): Part | null {
  const asked = readRoute(location.hash).query.get("part");
  return parts.find((part) => part === asked) ?? null;
}

function partOf(setting: string): Part | null {
  if (setting === "goal") return "goal";
  if (setting === "timezone") return "zone";
  if (setting === "exitOn" || setting === "exitWhen") return "exits";
  return setting === "entryCondition" ? "entry" : null;
}

/** The element of a step on the canvas or in the outline. */
export function anchorOf(id: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`.middle [data-step="${CSS.escape(id)}"]`);
}

/** Focuses a step once it is drawn: the canvas measures it first. */
function focusStep(id: string | null, frames = 60) {
  if (id === null || frames === 0) return;
  requestAnimationFrame(() => {
    const step = anchorOf(id);
    step?.focus();
    if (step === null || document.activeElement !== step) focusStep(id, frames - 1);
  });
}

/** Focuses the field that a finding is about, once its form stands. Fields say by `data-pointer` where they belong. */
function focusField(pointer: string) {
  requestAnimationFrame(() => {
    const fields = [...document.querySelectorAll<HTMLElement>(".panel--end [data-pointer]")];
    const at = fields.filter(({ dataset }) => pointer.startsWith(dataset["pointer"] ?? "?"));
    const field = at.at(-1) ?? document.querySelector<HTMLElement>(".panel--end [aria-invalid=true]");
    const target = field?.matches("input,select,textarea,button")
      ? field
      : field?.querySelector<HTMLElement>("input,select,textarea,button");
    target?.focus();
  });
}
