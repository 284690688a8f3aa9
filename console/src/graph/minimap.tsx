import { useStore as useFlowStore } from "@xyflow/react";
import { useContext, useMemo, useSyncExternalStore } from "react";
import { kindOf } from "./describe";
import type { Layout } from "./layout";
import { OverlayContext } from "./overlay";
import type { Surface } from "./surface";

const width = 176;
const tallest = 160;

/** The whole drawing in small, for long journeys. Steps with faults and the people who failed stand out. */
export function Minimap({ drawn, surface }: { drawn: Layout; surface: Surface }) {
  const scale = Math.min(width / drawn.width, tallest / drawn.height);
  const height = Math.max(40, drawn.height * scale);
  const kinds = useMemo(() => {
    const paths = new Map<string, string>();
    for (const [id, stop] of drawn.flow.stops) {
      const { kind } = kindOf(stop.node);
      paths.set(kind, (paths.get(kind) ?? "") + rectangle(drawn, id));
    }
    return [...paths];
  }, [drawn]);
  const overlays = useContext(OverlayContext);
  const { steps } = useSyncExternalStore(overlays.subscribe, () => overlays.value);
  const bad = useMemo(() => {
    let path = "";
    for (const [id, step] of steps) if (step.badge?.tone === "bad") path += rectangle(drawn, id);
    return path;
  }, [drawn, steps]);
  const move = (event: React.PointerEvent<SVGSVGElement>) => {
    if (event.buttons !== 1 || !surface.flow) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const rect = event.currentTarget.getBoundingClientRect();
    const x = ((event.clientX - rect.left) / rect.width) * (width / scale) - (width / scale - drawn.width) / 2;
    const y = ((event.clientY - rect.top) / rect.height) * (height / scale);
    void surface.flow.setCenter(x, y, { zoom: surface.flow.getZoom() });
  };
  return (
    <svg
      className="minimap"
      width={width}
      height={height}
      viewBox={`${-(width / scale - drawn.width) / 2} 0 ${width / scale} ${height / scale}`}
      aria-hidden="true"
      onPointerDown={move}
      onPointerMove={move}
    >
      {kinds.map(([kind, path]) => (
        <path key={kind} className={kind} d={path} />
      ))}
      <path className="minimap-bad" d={bad} />
      <Window />
    </svg>
  );
}

function rectangle(drawn: Layout, id: string): string {
  const box = drawn.boxes.get(id);
  return box ? `M${box.x} ${box.y}h${box.width}v${box.height}h${-box.width}z` : "";
}

/** What of the drawing is in sight. */
function Window() {
  const x = useFlowStore((s) => -s.transform[0] / s.transform[2]);
  const y = useFlowStore((s) => -s.transform[1] / s.transform[2]);
  const width = useFlowStore((s) => s.width / s.transform[2]);
  const height = useFlowStore((s) => s.height / s.transform[2]);
  return <rect className="minimap-window" x={x} y={y} width={width} height={height} />;
}
