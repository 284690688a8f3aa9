// Finds what placeholders became in a filled text.

/** A piece of a filled text; `filled` if a placeholder stood there. */
export interface Piece {
  text: string;
  filled: boolean;
}

const placeholder = /\{\{[^}]*\}\}/;

/** Splits a filled text by its template. The whole text is one piece if they do not agree. */
export function pieces(template: unknown, filled: string): Piece[] {
  if (typeof template !== "string" || !placeholder.test(template)) return [{ text: filled, filled: false }];
  const literals = template.split(new RegExp(placeholder, "g"));
  const found: Piece[] = [];
  let at = 0;
  for (const [i, literal] of literals.entries()) {
    const last = i === literals.length - 1;
    const next =
      i === 0 ? (filled.startsWith(literal) ? 0 : -1) : last ? endOf(filled, literal, at) : filled.indexOf(literal, at);
    if (next < 0) return [{ text: filled, filled: false }];
    if (i > 0) found.push({ text: filled.slice(at, next), filled: true });
    found.push({ text: literal, filled: false });
    at = next + literal.length;
  }
  return found.filter(({ text }) => text !== "");
}

function endOf(text: string, literal: string, from: number): number {
  const at = text.length - literal.length;
  return at >= from && text.endsWith(literal) ? at : -1;
}
