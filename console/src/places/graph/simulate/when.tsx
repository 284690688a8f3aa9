import { useState } from "react";
import words from "#words/simulate";
import { SelectField, TextField } from "../../../ui/field";
import { round } from "./solve";

const sizes = { minutes: 1 / 60, hours: 1, days: 24 } as const;
type Unit = keyof typeof sizes;

interface WhenProps {
  hours: number;
  /** What the units are called here. */
  units: Record<Unit, string>;
  onChange: (hours: number) => void;
}

/** A time after another, in a unit that is chosen. */
export function When({ hours, units, onChange }: WhenProps) {
  const [unit, setUnit] = useState<Unit>(() => unitFor(hours));
  return (
    <div className="event-when">
      <TextField
        label={words.afterAmount}
        type="number"
        step="any"
        value={String(Math.round((hours / sizes[unit]) * 1000) / 1000)}
        onChange={({ target }) => target.value !== "" && onChange(round(Number(target.value) * sizes[unit]))}
      />
      <SelectField
        label={words.unit}
        value={unit}
        options={Object.entries(units)}
        onChange={({ target }) => setUnit(target.value as Unit)}
      />
    </div>
  );
}

function unitFor(hours: number): Unit {
  const size = Math.abs(hours);
  if (size >= 24 && size % 24 === 0) return "days";
  return size < 1 || Math.round(size * 4) !== size * 4 ? "minutes" : "hours";
}
