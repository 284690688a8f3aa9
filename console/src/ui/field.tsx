import { type DragEvent, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";
import { Icon } from "./icon";

interface FieldProps {
  label: string;
  help?: ReactNode;
  /** What is wrong with the value. */
  fault?: string | undefined;
  hideLabel?: boolean;
  className?: string;
}

function Frame({
  label,
  help,
  fault,
  hideLabel,
  className,
  id,
  children,
}: FieldProps & { id: string; children: ReactNode }) {
  return (
    <div className={className ? `field ${className}` : "field"}>
      <label className={hideLabel ? "sr" : "label"} htmlFor={id}>
        {label}
      </label>
      {children}
      <FaultLine id={`${id}-fault`} text={fault} />
      {help !== undefined && (
        <p className="help" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  );
}

interface FaultLineProps {
  id?: string;
  text: string | undefined;
  /** Whether it is said as soon as it comes. */
  alert?: boolean;
}

/** What is wrong, below what it is about. */
export function FaultLine({ id, text, alert }: FaultLineProps) {
  if (text === undefined) return null;
  return (
    <p className="help help--bad" id={id} role={alert ? "alert" : undefined}>
      <Icon name="alert" small />
      {text}
    </p>
  );
}

function described(id: string, { help, fault }: FieldProps) {
  const by = [fault !== undefined && `${id}-fault`, help !== undefined && `${id}-help`].filter(Boolean).join(" ");
  return { "aria-invalid": fault !== undefined || undefined, ...(by ? { "aria-describedby": by } : {}) };
}

type TextFieldProps = FieldProps &
  Omit<InputHTMLAttributes<HTMLInputElement>, "className"> & {
    mono?: boolean;
    options?: readonly (string | readonly [value: string, label: string])[];
  };

/** A line of text, with completion from `options`. */
export function TextField({ label, help, fault, hideLabel, className, mono, options, ...input }: TextFieldProps) {
  const id = useId();
  const frame = { label, help, fault, hideLabel, className } as FieldProps;
  return (
    <Frame {...frame} id={id}>
      <input
        id={id}
        autoComplete="off"
        spellCheck={false}
        {...input}
        {...described(id, frame)}
        {...(options ? { list: `${id}-list` } : {})}
        className={mono ? "input input--mono" : "input"}
      />
      {options && (
        <datalist id={`${id}-list`}>
          {options.map((option) =>
            typeof option === "string" ? (
              <option key={option} value={option} />
            ) : (
              <option key={option[0]} value={option[0]} label={option[1]} />
            ),
          )}
        </datalist>
      )}
    </Frame>
  );
}

type SelectFieldProps = FieldProps &
  Omit<SelectHTMLAttributes<HTMLSelectElement>, "className"> & {
    options: readonly (readonly [value: string, label: string])[];
  };

/** A choice from a list. A value that is not in the list is kept, and shown as it is. */
export function SelectField({ label, help, fault, hideLabel, className, options, ...select }: SelectFieldProps) {
  const id = useId();
  const frame = { label, help, fault, hideLabel, className } as FieldProps;
  const value = select.value === undefined ? undefined : String(select.value);
  const missing = value !== undefined && !options.some(([v]) => v === value);
  return (
    <Frame {...frame} id={id}>
      <select id={id} {...select} {...described(id, frame)} className="select">
        {missing && <option value={value}>{value}</option>}
        {options.map(([v, text]) => (
          <option key={v} value={v}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  );
}

type TextAreaProps = FieldProps & {
  value: string;
  onChange: (value: string) => void;
  onBlur?: () => void;
  onDrop?: (event: DragEvent<HTMLTextAreaElement>) => void;
  rows?: number;
  mono?: boolean;
  disabled?: boolean;
};

/** Several lines of text. */
export function TextArea({
  label,
  help,
  fault,
  hideLabel,
  className,
  value,
  onChange,
  onBlur,
  onDrop,
  rows = 4,
  mono,
  disabled,
}: TextAreaProps) {
  const id = useId();
  const frame = { label, help, fault, hideLabel, className } as FieldProps;
  return (
    <Frame {...frame} id={id}>
      <textarea
        id={id}
        rows={rows}
        value={value}
        disabled={disabled}
        spellCheck={!mono}
        {...described(id, frame)}
        className={mono ? "input input--area input--mono" : "input input--area"}
        onChange={(event) => onChange(event.target.value)}
        onBlur={onBlur}
        onDrop={onDrop}
      />
    </Frame>
  );
}

interface ToggleProps {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}

/** A switch: what it says is done at once. */
export function Switch({ label, checked, onChange, disabled }: ToggleProps) {
  const id = useId();
  return (
    <div className="row">
      <span id={id} className="grow">
        {label}
      </span>
      <button
        type="button"
        role="switch"
        className="switch"
        aria-checked={checked}
        aria-labelledby={id}
        disabled={disabled}
        onClick={() => onChange(!checked)}
      />
    </div>
  );
}

/** A box to check, with its words. `mixed` is some of several. */
export function Check({
  label,
  checked,
  onChange,
  disabled,
  hideLabel,
}: Omit<ToggleProps, "checked"> & { checked: boolean | "mixed"; hideLabel?: boolean }) {
  const id = useId();
  return (
    <div className="row">
      <button
        id={id}
        type="button"
        role="checkbox"
        className="check"
        aria-checked={checked}
        disabled={disabled}
        onClick={() => onChange(checked !== true)}
      >
        <Icon name={checked === "mixed" ? "minus" : "check"} />
      </button>
      <label htmlFor={id} className={hideLabel ? "sr" : undefined}>
        {label}
      </label>
    </div>
  );
}

export { Segments } from "./segments";
