// Edits of JSON objects that keep every other key, and the order of the keys.
import type { Json, JsonObject } from "../json";

/** Returns an object with a key set in its place, or at the end; without it for undefined. */
export function withKey<T extends JsonObject>(object: T, key: string, value: Json | undefined): T {
  if (value !== undefined) return { ...object, [key]: value };
  const { [key]: _, ...rest } = object;
  return rest as T;
}

/** Returns an object with another key and value in the place of a key, or at the end if there is none. */
export function replaceKey(object: JsonObject, key: string, by: string, value: Json | undefined): JsonObject {
  if (!(key in object)) return withKey(object, by, value);
  const entries = Object.entries(object).filter(([name]) => name === key || name !== by);
  return Object.fromEntries(entries.map(([name, old]) => (name === key ? [by, value] : [name, old])));
}
