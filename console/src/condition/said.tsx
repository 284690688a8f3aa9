import { Fragment } from "react";
import type { Part } from "./sentence";

/** A sentence in parts: names and values stand out. */
export function Said({ parts }: { parts: readonly Part[] }) {
  return parts.map((part, i) =>
    typeof part === "string" ? <Fragment key={i}>{part}</Fragment> : <b key={i}>{part.b}</b>,
  );
}
