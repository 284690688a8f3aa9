import { useRef } from "react";
import words from "#words/simulate";

/** A message's HTML in a page of its own, which runs none of its scripts and loads nothing but pictures. */
export function Preview({ html }: { html: string }) {
  const frame = useRef<HTMLIFrameElement>(null);
  return (
    <iframe
      key={html}
      ref={frame}
      className="preview"
      src="/preview"
      sandbox="allow-scripts"
      title={words.preview}
      onLoad={() => frame.current?.contentWindow?.postMessage({ html }, "*")}
    />
  );
}
