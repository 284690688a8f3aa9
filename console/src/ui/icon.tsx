import type { ReactNode } from "react";

const shapes = {
  logo: (
    <>
      <circle cx="4" cy="3" r="1.75" />
      <circle cx="12" cy="13" r="1.75" />
      <path d="M4 4.75V7a2 2 0 0 0 2 2h4a2 2 0 0 1 2 2v.25M4 9v5" />
    </>
  ),
  active: (
    <>
      <circle cx="8" cy="8" r="6" />
      <circle cx="8" cy="8" r="2.5" fill="currentColor" stroke="none" />
    </>
  ),
  build: (
    <>
      <rect x="2" y="2" width="5" height="4" rx="1" />
      <rect x="9" y="10" width="5" height="4" rx="1" />
      <path d="M4.5 6v4.5a1.5 1.5 0 0 0 1.5 1.5h3" />
    </>
  ),
  simulate: <path d="M6 2h4M6.5 2v4L3 12a1.3 1.3 0 0 0 1.2 2h7.6a1.3 1.3 0 0 0 1.2-2L9.5 6V2M4.75 10h6.5" />,
  live: <path d="M1.5 8.5h3l2-5.5 3 10 2-4.5h3" />,
  versions: <path d="M2.5 3v3H5.5M2.7 6A5.5 5.5 0 1 1 2.5 9M8 5v3.25l2 1.25" />,
  people: (
    <>
      <circle cx="6" cy="5.5" r="2.5" />
      <path d="M1.5 13c.4-2.3 2.1-3.75 4.5-3.75S10.1 10.7 10.5 13M10.5 3.25a2.5 2.5 0 0 1 0 4.5M12 9.6c1.4.5 2.3 1.7 2.5 3.4" />
    </>
  ),
  outline: <path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4v.01M2.5 8v.01M2.5 12v.01" />,
  help: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M6.25 6.25a1.75 1.75 0 1 1 2.5 1.55c-.5.3-.75.6-.75 1.2M8 11.25v.01" />
    </>
  ),
  pencil: <path d="m2.5 13.5.6-3 7.4-7.4 2.4 2.4-7.4 7.4ZM9 4.6 11.4 7" />,
  check: <path d="m3 8.5 3.25 3.25L13 4.75" />,
  undo: <path d="M5.5 3 2.5 6l3 3M2.5 6h7a4 4 0 0 1 0 8H7" />,
  redo: <path d="m10.5 3 3 3-3 3M13.5 6h-7a4 4 0 0 0 0 8H9" />,
  search: (
    <>
      <circle cx="7" cy="7" r="4.5" />
      <path d="m10.5 10.5 3.5 3.5" />
    </>
  ),
  launch: (
    <path d="M9 10.5 5.5 7c.7-2.5 2.3-4.7 5-5.3.9-.2 2.2-.3 3.3-.2.1 1.1 0 2.4-.2 3.3-.6 2.7-2.1 4.5-4.6 5.7ZM5.5 7 3 7.5 2 9.5l2.5-.25M9 10.5 8.5 13l-2 1 .25-2.5M10.75 5.25v.01M4 12l-2 2" />
  ),
  email: (
    <>
      <rect x="2" y="3.5" width="12" height="9" rx="1.5" />
      <path d="m2.5 4.5 5.5 4.25 5.5-4.25" />
    </>
  ),
  wait: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.5V8l2.5 1.5" />
    </>
  ),
  condition: (
    <>
      <path d="M8 1.75 14.25 8 8 14.25 1.75 8Z" />
      <path d="m5.75 8 1.5 1.5 3-3" />
    </>
  ),
  multi: (
    <path d="M8 2v4M8 6H4.5A1.5 1.5 0 0 0 3 7.5V13M8 6h3.5A1.5 1.5 0 0 1 13 7.5V13M8 6v7M1.5 11.5 3 13l1.5-1.5M6.5 11.5 8 13l1.5-1.5M11.5 11.5 13 13l1.5-1.5" />
  ),
  random: (
    <path d="M2 4.5h1.5c1.5 0 2.5.8 3.2 2l2.1 3c.7 1.2 1.7 2 3.2 2h2M2 11.5h1.5c1 0 1.8-.4 2.5-1M9.5 5.5c.7-.6 1.5-1 2.5-1h2M12.5 3 14 4.5 12.5 6M12.5 10l1.5 1.5-1.5 1.5" />
  ),
  decision: (
    <>
      <circle cx="8" cy="8" r="6" />
      <circle cx="8" cy="8" r="2.5" />
      <path d="M8 2v2M8 12v2M2 8h2M12 8h2" />
    </>
  ),
  update: (
    <>
      <circle cx="6.5" cy="5" r="2.75" />
      <path d="M1.75 13.5c.4-2.6 2.3-4.25 4.75-4.25.7 0 1.4.1 2 .4M9.5 13.75l.4-1.9 3.1-3.1 1.5 1.5-3.1 3.1Z" />
    </>
  ),
  exit: <path d="M4 14V2.5M4 3h8l-1.75 2.75L12 8.5H4" />,
  entry: <path d="M8 2h4.5A1.5 1.5 0 0 1 14 3.5v9a1.5 1.5 0 0 1-1.5 1.5H8M2 8h8M7 5l3 3-3 3" />,
  refresh: <path d="M13.5 3v3.5H10M13.2 6.5A5.5 5.5 0 1 0 13.5 9" />,
  leave: <path d="M6 2.5H3.5a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1H6M10 5l3 3-3 3M13 8H6" />,
  goal: (
    <>
      <circle cx="8" cy="8" r="6" />
      <circle cx="8" cy="8" r="3" />
      <path d="M8 8v.01" />
    </>
  ),
  zone: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M2 8h12M8 2c2 2 2.5 4 2.5 6S10 12 8 14c-2-2-2.5-4-2.5-6S6 4 8 2Z" />
    </>
  ),
  plus: <path d="M8 3v10M3 8h10" />,
  bang: <path d="M8 3v6M8 12.5v.01" />,
  sms: (
    <path d="M3.5 2.5h9A1.5 1.5 0 0 1 14 4v5.5a1.5 1.5 0 0 1-1.5 1.5H7l-3 2.5V11h-.5A1.5 1.5 0 0 1 2 9.5V4a1.5 1.5 0 0 1 1.5-1.5ZM5 5.5h6M5 8h4" />
  ),
  warning: <path d="M8 2.25 14.25 13.25H1.75ZM8 6.5v3M8 11.5v.01" />,
  minus: <path d="M3 8h10" />,
  fit: (
    <path d="M2.5 6V3.5a1 1 0 0 1 1-1H6M10 2.5h2.5a1 1 0 0 1 1 1V6M13.5 10v2.5a1 1 0 0 1-1 1H10M6 13.5H3.5a1 1 0 0 1-1-1V10" />
  ),
  "chevron-down": <path d="m4 6 4 4 4-4" />,
  alert: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 5v3.5M8 11v.01" />
    </>
  ),
  more: <path d="M3.5 8v.01M8 8v.01M12.5 8v.01" strokeWidth="2" />,
  close: <path d="m4 4 8 8M12 4l-8 8" />,
  trash: (
    <path d="M2.5 4.5h11M6 4.5V3a.5.5 0 0 1 .5-.5h3a.5.5 0 0 1 .5.5v1.5M4 4.5l.6 8a1 1 0 0 0 1 1h4.8a1 1 0 0 0 1-1l.6-8" />
  ),
  "arrow-right": <path d="M3 8h10M9.5 4.5 13 8l-3.5 3.5" />,
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5" />
    </>
  ),
  upload: <path d="M8 10V2.5M5 5.5l3-3 3 3M2.5 13h11" />,
  paused: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M6.5 6v4M9.5 6v4" />
    </>
  ),
  draft: <circle cx="8" cy="8" r="6" strokeDasharray="2.6 2.1" />,
  archived: (
    <>
      <rect x="2" y="3" width="12" height="3" rx=".75" />
      <path d="M3 6v6a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1V6M6.5 8.75h3" />
    </>
  ),
  download: <path d="M8 2.5v7M5 7l3 3 3-3M2.5 12.5h11" />,
  pause: <path d="M5.5 3.5v9M10.5 3.5v9" />,
  "arrow-left": <path d="M13 8H3M6.5 4.5 3 8l3.5 3.5" />,
  settings: (
    <>
      <path d="M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6" />
      <circle cx="10" cy="4.5" r="1.75" />
      <circle cx="6" cy="11.5" r="1.75" />
    </>
  ),
  "chevron-up": <path d="m4 10 4-4 4 4" />,
  "chevron-left": <path d="m10 4-4 4 4 4" />,
  "chevron-right": <path d="m6 4 4 4-4 4" />,
  bars: <path d="M2.5 13.5h11M4.5 11V8M8 11V4M11.5 11V6.5" />,
  lock: (
    <>
      <rect x="3" y="7" width="10" height="7" rx="1.5" />
      <path d="M5 7V5a3 3 0 0 1 6 0v2" />
    </>
  ),
  key: (
    <>
      <circle cx="5" cy="11" r="2.75" />
      <path d="m7 9 6-6M10.5 5.5l2 2M12 4l1.5 1.5" />
    </>
  ),
  "step-back": <path d="M5.5 3.5v9M12.5 3.5 7.5 8l5 4.5Z" />,
  play: <path d="M5 3.25 12.5 8 5 12.75Z" />,
  "step-on": <path d="M10.5 3.5v9M3.5 3.5 8.5 8l-5 4.5Z" />,
  event: <path d="M9 1.75 3.5 9H8l-1 5.25L12.5 7H8Z" />,
  text: <path d="M3 4V3h10v1M8 3v10M6.5 13h3" />,
  offline: <path d="M2 2l12 12M4.5 12.5a3 3 0 0 1-.3-6M6 4.2A4 4 0 0 1 12 7.5a2.5 2.5 0 0 1 1.6 4M10 12.5H4.5" />,
  bell: <path d="M3 11.5c1.25-1 1.25-2.5 1.25-4.5a3.75 3.75 0 0 1 7.5 0c0 2 0 3.5 1.25 4.5ZM6.75 14h2.5" />,
  unknown: (
    <>
      <circle cx="8" cy="8" r="6" strokeDasharray="2.5 2" />
      <path d="M6.5 6.25a1.5 1.5 0 1 1 2.2 1.3c-.5.3-.7.6-.7 1.2M8 11v.01" />
    </>
  ),
  swap: <path d="M5 3v10M2.5 10.5 5 13l2.5-2.5M11 13V3M8.5 5.5 11 3l2.5 2.5" />,
} satisfies Record<string, ReactNode>;

/** The name of an icon. */
export type IconName = keyof typeof shapes;

/** A decorative icon of 16 by 16 px, or 12 if small. Its meaning stands in words beside it or in the label of its button. */
export function Icon({ name, small = false }: { name: IconName; small?: boolean }) {
  return (
    <svg className={small ? "i i--s" : "i"} viewBox="0 0 16 16" aria-hidden="true">
      {shapes[name]}
    </svg>
  );
}
