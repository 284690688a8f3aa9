import type { ReactNode } from "react";

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [value: T, label: ReactNode])[];
  onChange: (value: T) => void;
  small?: boolean;
  full?: boolean;
}

/** A choice of one of few. */
export function Segments<T extends string>({ label, value, options, onChange, small, full }: SegmentsProps<T>) {
  const className = ["seg", small && "seg--s", full && "seg--full"].filter(Boolean).join(" ");
  const move = (event: React.KeyboardEvent<HTMLDivElement>) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (options.findIndex(([v]) => v === value) + step + options.length) % options.length;
    const option = options[next];
    if (option) onChange(option[0]);
    event.currentTarget.querySelectorAll<HTMLElement>("[role=radio]")[next]?.focus();
  };
  return (
    <div role="radiogroup" aria-label={label} className={className} onKeyDown={move}>
      {options.map(([v, text]) => (
        <button
          key={v}
          type="button"
          role="radio"
          aria-checked={v === value}
          tabIndex={v === value ? 0 : -1}
          onClick={() => onChange(v)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
