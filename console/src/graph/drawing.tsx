import { ReactFlow, type ReactFlowInstance, ViewportPortal } from "@xyflow/react";
import { memo, type ReactNode, useEffect, useMemo } from "react";
import words from "#words/graph";
import type { Layout } from "./layout";
import { Label, type LineView, Stroke } from "./line";
import { Minimap } from "./minimap";
import { dropOn } from "./pull";
import { Pulled } from "./pulled";
import { End, Step } from "./step";
import { leastZoom, mostZoom, type Surface } from "./surface";
import { type AnyNode, linesOf, nodesOf, useStable } from "./views";
import { Zoom } from "./zoom";

const nodeTypes = { step: Step, end: End };
const noEdges: never[] = [];
const many = 40; // steps from which on a small map helps

interface DrawingProps {
  drawn: Layout;
  surface: Surface;
  editable: boolean;
  children?: ReactNode;
}

/** The graph as a drawing that can be moved and zoomed. */
export function Drawing({ drawn, surface, editable, children }: DrawingProps) {
  const allNodes = useMemo(() => nodesOf(drawn, editable), [drawn, editable]);
  const nodes = useStable(allNodes, idOf, saysOfNode);
  const allLines = useMemo(() => linesOf(drawn, editable), [drawn, editable]);
  const lines = useStable(allLines, keyOf, saysOfLine);
  useEffect(() => dropOn(surface), [surface]);
  useEffect(
    () => () => {
      surface.flow = null;
    },
    [surface],
  );
  useOpenView(surface);
  return (
    <>
      <ReactFlow
        nodes={nodes}
        edges={noEdges}
        nodeTypes={nodeTypes}
        onInit={(flow) => {
          surface.flow = flow as unknown as ReactFlowInstance<never>;
          surface.open();
        }}
        onPaneClick={() => surface.props?.onSelect(null)}
        minZoom={leastZoom}
        maxZoom={mostZoom}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        panOnScroll
        panOnScrollSpeed={1}
        zoomOnDoubleClick={false}
        deleteKeyCode={null}
        selectionKeyCode={null}
        multiSelectionKeyCode={null}
        panActivationKeyCode={null}
        aria-label={words.label}
      >
        <ViewportPortal>
          <Strokes lines={lines} />
          <Labels lines={lines} />
          <Pulled />
        </ViewportPortal>
        <Zoom surface={surface} />
        {drawn.flow.stops.size > many && (
          <div className="onmap onmap--br">
            <Minimap drawn={drawn} surface={surface} />
          </div>
        )}
      </ReactFlow>
      {children && <div className="onmap onmap--tr">{children}</div>}
    </>
  );
}

const idOf = (node: AnyNode) => node.id;
const keyOf = (line: LineView) => line.key;
const definitions = new WeakMap<object, number>();
let counted = 0;

/** A number for an object that is never changed in place. */
function numberOf(object: object): number {
  let n = definitions.get(object);
  if (n === undefined) {
    n = ++counted;
    definitions.set(object, n);
  }
  return n;
}

function saysOfNode({ position, data, type }: AnyNode): string {
  const about =
    type === "step"
      ? [
          numberOf(data.node),
          data.leads,
          data.ways.length,
          data.ways.map(({ line, x }) => `${line.target} ${x}`).join(),
        ]
      : [data.name, data.label, data.line.target];
  return [position.x, position.y, data.editable, ...about].join("|");
}

function saysOfLine(view: LineView): string {
  const { points, label, lane, lanes, share, name, from, to, end, editable } = view;
  const at = points.map((p) => `${p.x} ${p.y}`).join(",");
  return [at, label.x, label.y, lane, lanes, share, name, from, to, end, editable].join("|");
}

const Strokes = memo(function Strokes({ lines }: { lines: LineView[] }) {
  return (
    <svg className="edges" aria-hidden="true">
      {lines.map((line) => (
        <Stroke key={line.key} view={line} />
      ))}
    </svg>
  );
});

const Labels = memo(function Labels({ lines }: { lines: LineView[] }) {
  return lines.map((line) => <Label key={line.key} view={line} />);
});

/** Shows all again while the canvas gets its size, until it is used. */
function useOpenView(surface: Surface) {
  useEffect(() => {
    const root = surface.root.current;
    if (!root) return;
    const watch = new ResizeObserver(() => surface.open());
    watch.observe(root);
    const stop = new AbortController();
    const use = () => {
      watch.disconnect();
      stop.abort();
    };
    for (const kind of ["pointerdown", "wheel", "keydown"]) {
      root.addEventListener(kind, use, { capture: true, passive: true, signal: stop.signal });
    }
    return use;
  }, [surface]);
}
