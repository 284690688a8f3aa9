import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import words from "#words/graph";
import { isBusy, matches } from "../keys";
import { wayName } from "./describe";
import { Drawing } from "./drawing";
import { type Layout, layout } from "./layout";
import { Outline } from "./outline";
import { OverlayContext, type OverlayStore } from "./overlay";
import { Surface, SurfaceContext } from "./surface";
import type { Graph } from "./types";
import "../style/canvas.css";

/** Where a step can be added: after a node, by one of its ways. */
export interface Gap {
  source: string;
  handle: string | null;
}

export interface CanvasProps {
  graph: Graph;
  /** Figures, marks and differences; may change many times a second. */
  overlays: OverlayStore;
  /** The id of the chosen step; null for none. */
  selected: string | null;
  onSelect: (id: string | null) => void;
  /** Called for "+" on a line, a way that leads nowhere, and the key A. Absent: the graph cannot be edited. */
  onInsert?: (gap: Gap, anchor: HTMLElement | null) => void;
  /** Called when a palette item is dropped on a line (type of node), or a way is dragged to another step. */
  onDrop?: (gap: Gap, type: string) => void;
  onConnect?: (gap: Gap, target: string) => void;
  /** Called for keys on the focused step that the canvas does not handle itself. */
  onKey?: (event: React.KeyboardEvent, id: string) => void;
  /** Show the outline in place of the drawing. Phones always show it. */
  outline?: boolean;
  /** On the canvas, at the top right: a legend. */
  children?: ReactNode;
}

/** The graph of a journey: drawn, or as an outline. */
export function Canvas(props: CanvasProps) {
  const { graph, overlays, selected, children } = props;
  const [surface] = useState(() => new Surface());
  const drawn = useMemo(() => layoutOf(graph), [graph]);
  const wide = useWide();
  const outline = (props.outline ?? false) || !wide;
  const editable = props.onInsert !== undefined;
  surface.props = props;
  surface.layout = drawn;
  useKeptFocus(surface, drawn);
  useSelection(surface, selected);
  useMapKeys(surface);
  return (
    <SurfaceContext value={surface}>
      <OverlayContext value={overlays}>
        <section
          className={outline ? "canvas scroll" : "canvas"}
          aria-label={outline ? words.outline : words.label}
          ref={surface.root}
        >
          {outline && <Outline drawn={drawn} editable={editable} />}
          {!outline && (
            <Drawing drawn={drawn} surface={surface} editable={editable}>
              {children}
            </Drawing>
          )}
        </section>
      </OverlayContext>
    </SurfaceContext>
  );
}

function layoutOf(graph: Graph): Layout {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  return layout(graph, (line) => {
    const node = nodes.get(line.source);
    return Math.min(200, 20 + 6.2 * (node ? wayName(node, line.way).length : 0));
  });
}

const narrow = "(max-width: 56.25rem)"; // as in console.css

function useWide(): boolean {
  return useSyncExternalStore(
    (onChange) => {
      const query = matchMedia(narrow);
      query.addEventListener("change", onChange);
      return () => query.removeEventListener("change", onChange);
    },
    () => !matchMedia(narrow).matches,
  );
}

/** When the step with the focus goes away, the one before it takes the focus. */
function useKeptFocus(surface: Surface, drawn: Layout) {
  const before = useRef(drawn);
  useLayoutEffect(() => {
    const last = before.current;
    before.current = drawn;
    const id = surface.focused.get();
    if (id !== null && drawn.boxes.has(id)) return;
    let next = id === null ? undefined : (last.boxes.get(id)?.line?.source ?? last.flow.stops.get(id)?.before);
    while (next && !drawn.boxes.has(next)) next = last.flow.stops.get(next)?.before;
    next ??= drawn.flow.starts[0];
    if (!next) return surface.focused.set(null);
    const active = document.activeElement;
    const lost = active === document.body || (active instanceof HTMLElement && active.dataset["step"] === id);
    if (id !== null && surface.within && lost) surface.focus(next);
    else surface.focused.set(next);
  }, [surface, drawn]);
}

/** What was chosen elsewhere is brought into view, and the Tab key leads to it. */
function useSelection(surface: Surface, selected: string | null) {
  useLayoutEffect(() => {
    surface.selected.set(selected);
    if (selected === null || !surface.layout?.boxes.has(selected)) return;
    surface.focused.set(selected);
    surface.reveal(selected);
  }, [surface, selected]);
}

/** F shows all; plus, minus and 0 zoom. */
function useMapKeys(surface: Surface) {
  useEffect(() => {
    const run = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isBusy(event) || !surface.flow) return;
      if (matches(event, "f")) surface.fit();
      else if (matches(event, "+") || matches(event, "=")) surface.zoomBy(1.2);
      else if (matches(event, "-")) surface.zoomBy(1 / 1.2);
      else if (matches(event, "0")) surface.zoomTo(1);
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", run);
    return () => document.removeEventListener("keydown", run);
  }, [surface]);
}
