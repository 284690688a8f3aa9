import { type Clip, readClip, writeClip } from "../../../graph/clip";

// What this page copied last: reading the clipboard of the system would ask for a permission.
let own: Clip | null = null;

/** Puts steps on the clipboard, for this journey and others. */
export function keepClip(clip: Clip, data?: DataTransfer | null) {
  own = clip;
  const text = writeClip(clip);
  if (data) data.setData("text/plain", text);
  else void navigator.clipboard?.writeText(text).catch(() => {}); // refused: this page still has its own
}

/** The steps on the clipboard; null for none. With the data of a paste, what the system holds decides. */
export async function takeClip(data?: DataTransfer | null): Promise<Clip | null> {
  if (data) return readClip(data.getData("text/plain"));
  if (own !== null) return own;
  const text = await navigator.clipboard?.readText().catch(() => "");
  return readClip(text ?? "");
}
