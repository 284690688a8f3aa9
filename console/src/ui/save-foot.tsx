import type { ReactNode } from "react";
import words from "#words/saving";
import { Button } from "./button";
import { Icon } from "./icon";
import { Failure } from "./states";

interface SaveFootProps<Stored> {
  /** Why it cannot be saved now. */
  waits: string | undefined;
  busy: boolean;
  error: unknown;
  /** What is said if it fails. */
  notSaved: string;
  /** What someone else saved meanwhile, and what is said of it. */
  theirs: Stored | null;
  conflict: string;
  /** Draws it. */
  children: (theirs: Stored) => ReactNode;
  onClose: () => void;
  onSave: () => void;
  onTake: (theirs: Stored) => void;
  onReplace: (theirs: Stored) => void;
}

/** The end of a form that replaces what is stored. What someone else saved meanwhile is shown, to take or to replace. */
export function SaveFoot<Stored>(props: SaveFootProps<Stored>) {
  const { waits, busy, error, notSaved, theirs, conflict, children, onClose, onSave, onTake, onReplace } = props;
  return (
    <>
      {theirs && (
        <div className="col gap-2 conflict" role="alert">
          <p className="row">
            <Icon name="warning" />
            <span>
              <b>{conflict}</b> {words.stored}
            </span>
          </p>
          {children(theirs)}
          <div className="row">
            <Button onClick={() => onTake(theirs)}>{words.takeTheirs}</Button>
            <Button look="bad" onClick={() => onReplace(theirs)}>
              {words.replaceTheirs}
            </Button>
          </div>
        </div>
      )}
      {error !== undefined && <Failure error={error} title={notSaved} />}
      <div className="row">
        <Button onClick={onClose}>{words.cancel}</Button>
        {!theirs && (
          <Button look="primary" waits={waits ?? (busy ? words.saving : undefined)} onClick={onSave}>
            {words.save}
          </Button>
        )}
      </div>
    </>
  );
}
