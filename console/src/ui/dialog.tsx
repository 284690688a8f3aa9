import { type ReactNode, useEffect, useId, useRef } from "react";
import words from "#words/states";
import { IconButton } from "./button";

interface DialogProps {
  /** Its heading; without one, `label` names it and it has no button to close. */
  title?: string;
  label?: string;
  /** Without it nothing closes the dialog; the browser would at the second Escape. */
  onClose?: () => void;
  wide?: boolean;
  children: ReactNode;
}

/** A modal dialog, for what cannot be undone. Escape closes it; focus goes back to where it was. */
export function Dialog({ title, label, onClose, wide = false, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    // The page in a frame would get the keys, Escape too.
    if (document.activeElement instanceof HTMLIFrameElement) dialog?.querySelector("button")?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      closedby={onClose === undefined ? "none" : "closerequest"}
      className={wide ? "dialog dialog--wide" : "dialog"}
      {...(title === undefined ? { "aria-label": label } : { "aria-labelledby": id })}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
    >
      {title !== undefined && (
        <h2 id={id} className="t4 dialog-title">
          {title}
        </h2>
      )}
      {children}
      {/* The last stop of the Tab key, so that the focus begins in the content. */}
      {title !== undefined && onClose !== undefined && (
        <div className="dialog-close">
          <IconButton icon="close" label={words.close} onClick={onClose} />
        </div>
      )}
    </dialog>
  );
}
