import { type ReactNode, useEffect } from "react";
import { type Store, store, useStore } from "../store";
import type { MoreIconName } from "./more-icons";

// The data of a path, or elements where that is not enough.
const core = {
  logo: "M2.25 3a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0-3.5 0M10.25 13a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0-3.5 0M4 4.75V7a2 2 0 0 0 2 2h4a2 2 0 0 1 2 2v.25M4 9v5",
  active: (
    <>
      <circle cx="8" cy="8" r="6" />
      <circle cx="8" cy="8" r="2.5" fill="currentColor" stroke="none" />
    </>
  ),
  people:
    "M3.5 5.5a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0M1.5 13c.4-2.3 2.1-3.75 4.5-3.75S10.1 10.7 10.5 13M10.5 3.25a2.5 2.5 0 0 1 0 4.5M12 9.6c1.4.5 2.3 1.7 2.5 3.4",
  outline: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4v.01M2.5 8v.01M2.5 12v.01",
  help: "M2 8a6 6 0 1 0 12 0a6 6 0 1 0-12 0M6.25 6.25a1.75 1.75 0 1 1 2.5 1.55c-.5.3-.75.6-.75 1.2M8 11.25v.01",
  search: "M2.5 7a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0M10.5 10.5l3.5 3.5",
  refresh: "M13.5 3v3.5H10M13.2 6.5A5.5 5.5 0 1 0 13.5 9",
  leave: "M6 2.5H3.5a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1H6M10 5l3 3-3 3M13 8H6",
  plus: "M8 3v10M3 8h10",
  "chevron-down": "m4 6 4 4 4-4",
  alert: "M2 8a6 6 0 1 0 12 0a6 6 0 1 0-12 0M8 5v3.5M8 11v.01",
  more: <path d="M3.5 8v.01M8 8v.01M12.5 8v.01" strokeWidth="2" />,
  close: "m4 4 8 8M12 4l-8 8",
  upload: "M8 10V2.5M5 5.5l3-3 3 3M2.5 13h11",
  paused: "M2 8a6 6 0 1 0 12 0a6 6 0 1 0-12 0M6.5 6v4M9.5 6v4",
  draft: <circle cx="8" cy="8" r="6" strokeDasharray="2.6 2.1" />,
  archived:
    "M2.75 3h10.5a.75 .75 0 0 1 .75 .75v1.5a.75 .75 0 0 1-.75 .75h-10.5a.75 .75 0 0 1-.75-.75v-1.5a.75 .75 0 0 1 .75-.75zM3 6v6a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1V6M6.5 8.75h3",
  settings:
    "M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6M8.25 4.5a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0-3.5 0M4.25 11.5a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0-3.5 0",
  "chevron-up": "m4 10 4-4 4 4",
  offline: "M2 2l12 12M4.5 12.5a3 3 0 0 1-.3-6M6 4.2A4 4 0 0 1 12 7.5a2.5 2.5 0 0 1 1.6 4M10 12.5H4.5",
} satisfies Record<string, ReactNode>;

const shapes: Store<Record<string, ReactNode>> = store<Record<string, ReactNode>>(core);

/** Adds icons to those that can be drawn. */
export function addShapes(more: Record<string, ReactNode>) {
  shapes.set({ ...shapes.get(), ...more });
}

/** The name of an icon. */
export type IconName = keyof typeof core | MoreIconName;

/** A decorative icon of 16 by 16 px, or 12 if small. Its meaning stands in words beside it or in the label of its button. */
export function Icon({ name, small = false }: { name: IconName; small?: boolean }) {
  const shape = shapes.get()[name];
  return (
    <svg className={small ? "i i--s" : "i"} viewBox="0 0 16 16" aria-hidden="true">
      {shape === undefined ? <Late name={name} /> : draw(shape)}
    </svg>
  );
}

/** An icon that is on its way. */
function Late({ name }: { name: IconName }) {
  const known = useStore(shapes);
  useEffect(() => {
    import("./more-icons").catch(() => undefined); // a page without its icons still works
  }, []);
  return draw(known[name]);
}

const draw = (shape: ReactNode) => (typeof shape === "string" ? <path d={shape} /> : shape);
