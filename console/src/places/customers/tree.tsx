import words from "#words/customers";
import { isObject, type Json, type JsonObject, scalarText } from "../../json";
import { say } from "../../say";

/** A JSON object as names and values; what is nested can be folded. */
export function Tree({ value }: { value: JsonObject | Json[] }) {
  const entries = Array.isArray(value) ? value.map((v, i) => [String(i + 1), v] as const) : Object.entries(value);
  return (
    <ul className="tree">
      {entries.map(([name, inner]) => (
        <li key={name}>
          {isBranch(inner) ? (
            <details open>
              <summary>
                <span className="tree-name">{name}</span> <span className="dimmer">{sizeOf(inner)}</span>
              </summary>
              <Tree value={inner} />
            </details>
          ) : (
            <div className="tree-leaf">
              <span className="tree-name">{name}</span>
              <Value value={inner} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Short lists of scalars stand on one line. */
function isBranch(value: Json | undefined): value is JsonObject | Json[] {
  if (Array.isArray(value)) return value.some((inner) => isObject(inner) || Array.isArray(inner)) || value.length > 8;
  return isObject(value) && Object.keys(value).length > 0;
}

function sizeOf(value: JsonObject | Json[]): string {
  return say(words.items, { n: Array.isArray(value) ? value.length : Object.keys(value).length });
}

function Value({ value }: { value: Json | undefined }) {
  if (Array.isArray(value)) return <span>{value.map((inner) => scalarText(inner)).join(", ") || words.emptyList}</span>;
  if (value === null || isObject(value)) return <span className="dimmer">{value === null ? words.nothing : "{}"}</span>;
  return typeof value === "string" ? <span>{value}</span> : <span className="mono">{scalarText(value)}</span>;
}
