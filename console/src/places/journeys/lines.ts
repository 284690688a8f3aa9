// Finds the lines of JSON values, so that a fault can be shown where it is.

/** Where the values of a JSON text begin. */
export interface Lines {
  /** The offset of each value by its JSON Pointer. */
  offsets: Map<string, number>;
  /** Where the text stops being JSON; undefined if it is JSON. */
  broken: number | undefined;
}

/** Reads the places of all values of a JSON text. */
export function readLines(text: string): Lines {
  const reader = new Reader(text);
  try {
    reader.value("");
    reader.space();
    if (reader.at < text.length) throw new Broken();
    return { offsets: reader.offsets, broken: undefined };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { offsets: reader.offsets, broken: Math.min(reader.at, text.length) };
  }
}

/** The offset of a pointer's value, or of the nearest value around it. */
export function offsetOf({ offsets }: Lines, pointer: string): number {
  let path = pointer;
  while (path !== "" && !offsets.has(path)) path = path.slice(0, path.lastIndexOf("/"));
  return offsets.get(path) ?? 0;
}

/** The number of the line of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

class Broken extends Error {}

const deepest = 500;

class Reader {
  readonly offsets = new Map<string, number>();
  at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  space() {
    this.take(/[ \t\r\n]*/y);
  }

  value(pointer: string, depth = 0) {
    this.space();
    this.offsets.set(pointer, this.at);
    if (depth > deepest) throw new Broken();
    if (this.text[this.at] === "{") this.object(pointer, depth + 1);
    else if (this.text[this.at] === "[") this.array(pointer, depth + 1);
    else if (
      this.take(
        /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy,
      ) === ""
    )
      throw new Broken();
  }

  private object(pointer: string, depth: number) {
    this.list("}", () => {
      const key = this.take(/"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy);
      if (key === "") throw new Broken();
      this.space();
      this.sign(":");
      const name = String(JSON.parse(key)).replaceAll("~", "~0").replaceAll("/", "~1");
      this.value(`${pointer}/${name}`, depth);
    });
  }

  private array(pointer: string, depth: number) {
    let i = 0;
    this.list("]", () => this.value(`${pointer}/${i++}`, depth));
  }

  private list(end: string, item: () => void) {
    this.at++;
    this.space();
    if (this.text[this.at] === end) {
      this.at++;
      return;
    }
    for (;;) {
      this.space();
      item();
      this.space();
      if (this.text[this.at] === end) break;
      this.sign(",");
    }
    this.at++;
  }

  private sign(sign: string) {
    if (this.text[this.at] !== sign) throw new Broken();
    this.at++;
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text)?.[0] ?? "";
    this.at += match.length;
    return match;
  }
}
