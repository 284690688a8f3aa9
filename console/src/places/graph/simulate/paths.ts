// Paths into attributes and properties, as conditions spell them: names with dots between, `cart["utm.source"]`.
import { isObject, type Json, type JsonObject } from "../../../json";

/** Splits a path into names; undefined if it is none. */
export function parsePath(path: string): string[] | undefined {
  const names: string[] = [];
  let rest = path;
  while (rest !== "") {
    const plain = /^(?:\.)?([^.[\]"]+)/.exec(rest);
    const quoted = /^\["((?:[^"\\]|\\.)*)"\]/.exec(rest);
    const match = quoted ?? (names.length > 0 && !rest.startsWith(".") ? null : plain);
    if (match === null || (names.length === 0 && rest.startsWith("."))) return undefined;
    names.push(quoted ? unquote(match[1] ?? "") : (match[1] ?? ""));
    rest = rest.slice(match[0].length);
  }
  return names.length === 0 ? undefined : names;
}

function unquote(text: string): string {
  return text.replace(/\\(.)/g, "$1");
}

/** Writes names as a path. */
export function formatPath(names: readonly string[]): string {
  return names
    .map((name, i) => {
      if (/[.[\]"]/.test(name) || name === "") return `["${name.replace(/["\\]/g, "\\$&")}"]`;
      return i === 0 ? name : `.${name}`;
    })
    .join("");
}

/** The value at a path; undefined if there is none. */
export function valueAt(object: JsonObject | undefined, names: readonly string[]): Json | undefined {
  let value: Json | undefined = object;
  for (const name of names) value = isObject(value) ? value[name] : undefined;
  return value;
}

/** Returns the object with a value at a path. Objects on the way are made, also in place of another value. */
export function withValue(object: JsonObject, names: readonly string[], value: Json): JsonObject {
  const [name, ...rest] = names;
  if (name === undefined) return object;
  const inner = object[name];
  return { ...object, [name]: rest.length === 0 ? value : withValue(isObject(inner) ? inner : {}, rest, value) };
}

/** Returns the object without the value at a path. */
export function withoutValue(object: JsonObject, names: readonly string[]): JsonObject {
  const [name, ...rest] = names;
  if (name === undefined || !(name in object)) return object;
  const { [name]: inner, ...others } = object;
  if (rest.length === 0) return others;
  return isObject(inner) ? { ...object, [name]: withoutValue(inner, rest) } : object;
}

/** The values of an object by path, without the objects on the way. An empty object is a value. */
export function flatten(object: JsonObject, above: readonly string[] = []): { path: string; value: Json }[] {
  return Object.entries(object).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const names = [...above, name];
    return isObject(value) && Object.keys(value).length > 0
      ? flatten(value, names)
      : [{ path: formatPath(names), value }];
  });
}
