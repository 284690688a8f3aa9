// Packs subtrees side by side by their contours.

/** A step, an end or a corridor with all that hangs below it. Its own middle is at 0. */
export interface Block {
  id: string;
  /** The row of `left[0]` and `right[0]`. */
  top: number;
  /** The contour: how far it reaches to each side, row by row. */
  left: number[];
  right: number[];
  /** Blocks inside of it, each with its middle relative to this one's. */
  kids: { block: Block; x: number }[];
}

/** The least space between two neighbors. */
export const gapX = 24;
const { POSITIVE_INFINITY: far, NEGATIVE_INFINITY: before } = Number; // the contour of an empty row

/** A block without anything below it. */
export function leaf(id: string, top: number, width: number, rows = 1): Block {
  return { id, top, left: Array(rows).fill(-width / 2), right: Array(rows).fill(width / 2), kids: [] };
}

/** A row of blocks that grows to the right. */
export class Shelf {
  readonly kids: Block["kids"] = [];
  readonly #top: number;
  readonly #left: number[] = [];
  readonly #right: number[] = [];

  /** Blocks stand in this row or below it. */
  constructor(top: number) {
    this.#top = top;
  }

  /** Puts a block as far left as the contour lets it, under shorter ones but not past their left. Returns where its middle is. */
  push(block: Block): number {
    if (this.kids.length === 0) return this.#add(block, 0);
    let x = leftmost(this.#left) - leftmost(block.left);
    const from = block.top - this.#top;
    const rows = Math.min(block.left.length, this.#right.length - from);
    for (let i = 0; i < rows; i++) x = Math.max(x, (this.#right[from + i] ?? before) + gapX - (block.left[i] ?? far));
    return this.#add(block, x);
  }

  /** Puts a block as near as possible to a place, beside what is there. */
  near(block: Block, wish: number): number {
    const taken = this.kids.map((kid) => forbidden(kid.block, kid.x, block));
    const free = (x: number) => taken.every(([from, to]) => x <= from || x >= to);
    let best = wish;
    if (!free(wish)) {
      const places = taken.flat().filter((x) => Number.isFinite(x) && free(x));
      best = places.reduce((a, b) => (Math.abs(b - wish) < Math.abs(a - wish) ? b : a), places[0] ?? wish);
    }
    return this.#add(block, best);
  }

  /** Turns the shelf into what hangs below a step of a width in the row above, whose middle is at x of the shelf. */
  under(id: string, width: number, x: number): Block {
    const [left, right] = [this.#left, this.#right];
    for (let i = 0; i < left.length; i++) {
      left[i] = (left[i] ?? far) - x;
      right[i] = (right[i] ?? before) - x;
    }
    left.unshift(-width / 2);
    right.unshift(width / 2);
    for (const kid of this.kids) kid.x -= x;
    return { id, top: this.#top - 1, left, right, kids: this.kids };
  }

  #add(block: Block, x: number): number {
    this.kids.push({ block, x });
    const from = block.top - this.#top;
    for (let i = this.#left.length; i < from + block.left.length; i++) {
      this.#left.push(far);
      this.#right.push(before);
    }
    for (let i = 0; i < block.left.length; i++) {
      this.#left[from + i] = Math.min(this.#left[from + i] ?? far, (block.left[i] ?? far) + x);
      this.#right[from + i] = Math.max(this.#right[from + i] ?? before, (block.right[i] ?? before) + x);
    }
    return x;
  }
}

function leftmost(contour: number[]): number {
  let left = far;
  for (const x of contour) left = Math.min(left, x);
  return left;
}

/** Between which places a block would lie upon another one. */
function forbidden(there: Block, at: number, block: Block): [number, number] {
  let from = far;
  let to = before;
  const end = Math.min(there.top + there.left.length, block.top + block.left.length);
  for (let row = Math.max(there.top, block.top); row < end; row++) {
    const [i, k] = [row - there.top, row - block.top];
    from = Math.min(from, at + (there.left[i] ?? far) - gapX - (block.right[k] ?? before));
    to = Math.max(to, at + (there.right[i] ?? before) + gapX - (block.left[k] ?? far));
  }
  return [from, to];
}
