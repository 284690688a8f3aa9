interface IdInputProps {
  id?: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
}

/** The field of a search for the exact id of a customer. */
export function IdInput({ id, label, value, onChange }: IdInputProps) {
  return (
    <input
      id={id}
      className="input"
      type="search"
      maxLength={128}
      placeholder={label}
      aria-label={label}
      value={value}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
