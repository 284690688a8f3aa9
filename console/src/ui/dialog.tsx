import { type ReactNode, useEffect, useId, useRef } from "react";
import words from "#words/states";
import { IconButton } from "./button";

interface DialogProps {
  /** Its heading; without one, `label` names it and it has no button to close. */
  title?: string;
  label?: string;
  onClose: () => void;
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
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={wide ? "dialog dialog--wide" : "dialog"}
      {...(title === undefined ? { "aria-label": label } : { "aria-labelledby": id })}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      {title !== undefined && (
        <div className="row">
          <h2 id={id} className="t4 grow">
            {title}
          </h2>
          <IconButton icon="close" label={words.close} onClick={onClose} />
        </div>
      )}
      {children}
    </dialog>
  );
}
