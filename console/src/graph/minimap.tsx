import { useStoreApi } from "@xyflow/react";
import { useContext, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
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
  const margin = (width / scale - drawn.width) / 2;
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
    const x = ((event.clientX - rect.left) / rect.width) * (width / scale) - margin;
    const y = ((event.clientY - rect.top) / rect.height) * (height / scale);
    void surface.flow.setCenter(x, y, { zoom: surface.flow.getZoom() });
  };
  return (
    <div className="minimap" aria-hidden="true">
      <svg
        width={width}
        height={height}
        viewBox={`${-margin} 0 ${width / scale} ${height / scale}`}
        aria-hidden="true"
        onPointerDown={move}
        onPointerMove={move}
      >
        {kinds.map(([kind, path]) => (
          <path key={kind} className={kind} d={path} />
        ))}
        <path className="minimap-bad" d={bad} />
      </svg>
      <Window scale={scale} margin={margin} />
    </div>
  );
}

function rectangle(drawn: Layout, id: string): string {
  const box = drawn.boxes.get(id);
  return box ? `M${box.x} ${box.y}h${box.width}v${box.height}h${-box.width}z` : "";
}

/** What of the drawing is in sight. It follows each frame of a move, so it is neither rendered nor painted anew. */
function Window({ scale, margin }: { scale: number; margin: number }) {
  const frame = useRef<HTMLDivElement>(null);
  const flow = useStoreApi();
  useEffect(() => {
    const follow = () => {
      const style = frame.current?.style;
      if (!style) return;
      const { transform, width, height } = flow.getState();
      const [x, y, zoom] = transform;
      style.transform = `translate(${(margin - x / zoom) * scale}px, ${(-y / zoom) * scale}px)`;
      style.width = `${(width / zoom) * scale}px`;
      style.height = `${(height / zoom) * scale}px`;
    };
    follow();
    return flow.subscribe(follow);
  }, [flow, scale, margin]);
  return <div ref={frame} className="minimap-window" />;
}
