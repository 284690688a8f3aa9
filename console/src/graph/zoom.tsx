import { useStore } from "@xyflow/react";
import { useEffect } from "react";
import words from "#words/graph";
import { locale } from "../format";
import { IconButton } from "../ui/button";
import type { Surface } from "./surface";

const percent = new Intl.NumberFormat(locale, { style: "percent" });

/** The buttons for the zoom. It also tells the style sheet how much of a step can be read. */
export function Zoom({ surface }: { surface: Surface }) {
  const zoom = useStore((state) => Math.round(state.transform[2] * 100) / 100);
  const reads = zoom < 0.18 ? "dots" : zoom < 0.4 ? "far" : zoom < 0.7 ? "middle" : "near";
  useEffect(() => {
    surface.root.current?.setAttribute("data-zoom", reads);
  }, [surface, reads]);
  return (
    <div className="onmap onmap--bl">
      <div className="zoom" role="group" aria-label={words.zoom}>
        <IconButton icon="minus" label={words.smaller} onClick={() => surface.zoomBy(1 / 1.2)} />
        <span>{percent.format(zoom)}</span>
        <IconButton icon="plus" label={words.larger} onClick={() => surface.zoomBy(1.2)} />
        <IconButton icon="fit" label={words.fit} onClick={() => surface.fit()} />
      </div>
    </div>
  );
}
