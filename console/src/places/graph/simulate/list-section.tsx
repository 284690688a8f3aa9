import type { ReactNode } from "react";
import { Button } from "../../../ui/button";
import { FaultLine } from "../../../ui/field";

interface ListSectionProps {
  title: string;
  /** The words of the button that adds to the list. */
  add: string;
  onAdd: () => void;
  fault: string | undefined;
  children: ReactNode;
}

/** A list that a persona has, and the button that adds to it. */
export function ListSection({ title, add, onAdd, fault, children }: ListSectionProps) {
  return (
    <div className="sec">
      <h3 className="sec-title">
        <span className="grow">{title}</span>
        <Button small icon="plus" onClick={onAdd}>
          {add}
        </Button>
      </h3>
      <FaultLine text={fault} />
      {children}
    </div>
  );
}
