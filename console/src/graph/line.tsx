import { memo } from "react";
import words from "#words/graph";
import { say } from "../say";
import { Icon } from "../ui/icon";
import type { Point } from "./layout";
import { type LineOverlay, useLineOverlay } from "./overlay";
import { pathOf, shiftEnd } from "./path";
import { useIs, useSurface } from "./surface";

/** A line as it is drawn. It stays the same object as long as nothing of it changes. */
export interface LineView {
  key: string;
  source: string;
  handle: string | null;
  /** The share of a random way, and its name. */
  share: string;
  name: string;
  from: string;
  to: string;
  points: readonly Point[];
  label: Point;
  plus: Point;
  lane: number;
  lanes: number;
  /** Leads nowhere, or back. */
  end: boolean;
  editable: boolean;
}

/** The stroke of a line, and its arrow. */
export const Stroke = memo(function Stroke({ view }: { view: LineView }) {
  const surface = useSurface();
  const overlay = useLineOverlay(view.key);
  const hot = useIs(surface.hot, view.key);
  const flows = overlay?.className?.includes("edge--flow") ?? false;
  const bare = flows || view.end;
  const points = flows ? shiftEnd(view.points, laneOffset(view)) : view.points;
  const end = view.points.at(-1) ?? { x: 0, y: 0 };
  const classes = ["edge", view.end && "edge--open", overlay?.className, hot && "edge--hover"]
    .filter(Boolean)
    .join(" ");
  return (
    <>
      <path
        className={classes}
        d={pathOf(points, bare ? 0 : 5)}
        style={
          overlay?.width === undefined ? undefined : { ["--ew" as string]: overlay.width, strokeWidth: overlay.width }
        }
      />
      {!bare && <path className={classes.replaceAll("edge", "arrow")} d={`M${end.x - 4} ${end.y - 7}h8l-4 6z`} />}
    </>
  );
});

/** Lines that meet lie side by side where their width says something. */
function laneOffset({ lane, lanes }: LineView): number {
  return lanes < 2 ? 0 : (lane - (lanes - 1) / 2) * Math.min(14, 160 / (lanes - 1));
}

/** The name of a line with its figure, and the "+" that adds a step there. */
export const Label = memo(function Label({ view }: { view: LineView }) {
  const overlay = useLineOverlay(view.key);
  const named = view.share !== "" || view.name !== "";
  return (
    <>
      {named && <Named view={view} overlay={overlay} />}
      {!named && overlay?.figure !== undefined && (
        <span className={labelClass(view, overlay, true)} style={at(view.label)}>
          {overlay.figure}
        </span>
      )}
      {!named && view.editable && !view.end && <Plus view={view} />}
    </>
  );
});

const at = (point: Point) => ({ ["--x" as string]: `${point.x}px`, ["--y" as string]: `${point.y}px` });

function labelClass(view: LineView, overlay: LineOverlay | undefined, plain: boolean): string {
  const tones = (overlay?.className ?? "").replaceAll("edge--", "elabel--");
  return ["elabel", plain && "elabel--plain", view.end && "elabel--bad", tones].filter(Boolean).join(" ");
}

function Named({ view, overlay }: { view: LineView; overlay: LineOverlay | undefined }) {
  const content = (
    <>
      {view.share && <b>{view.share}</b>}
      {view.name && <span className="elabel-name">{view.name}</span>}
      {overlay?.figure}
    </>
  );
  const title = [view.share, view.name].filter(Boolean).join(" ");
  if (!view.editable || view.end) {
    return (
      <span className={labelClass(view, overlay, false)} style={at(view.label)} title={title}>
        {content}
      </span>
    );
  }
  return (
    <AddButton view={view} className={`${labelClass(view, overlay, false)} elabel--add`} title={title}>
      {content}
      <Icon name="plus" small />
    </AddButton>
  );
}

function Plus({ view }: { view: LineView }) {
  return (
    <AddButton view={view} className="plus">
      <Icon name="plus" />
    </AddButton>
  );
}

function AddButton({
  view,
  className,
  title,
  children,
}: {
  view: LineView;
  className: string;
  title?: string;
  children: React.ReactNode;
}) {
  const surface = useSurface();
  const hot = useIs(surface.hot, view.key);
  const label = say(words.addBetween, { source: view.from, target: view.to });
  return (
    <button
      type="button"
      tabIndex={-1}
      className={`${className} nopan${hot ? " is-hover" : ""}`}
      style={at(view.plus)}
      aria-label={title ? `${title}: ${label}` : label}
      title={label}
      onPointerEnter={() => surface.hot.set(view.key)}
      onPointerLeave={() => surface.hot.set(null)}
      onClick={(event) => surface.props?.onInsert?.({ source: view.source, handle: view.handle }, event.currentTarget)}
    >
      {children}
    </button>
  );
}
