// Packs subtrees side by side by their contours.

/** A step, an end or a corridor with all that hangs below it. Its own middle is at 0. */
export interface Block {
  id: string;
  /** The row of `left[0]` and `right[0]`. */
  top: number;
  /** The contour: how far it reaches to each side, row by row; NaN in rows that it passes over. */
  left: number[];
  right: number[];
  /** Blocks inside of it, each with its middle relative to this one's. */
  kids: { block: Block; x: number }[];
}

/** The least space between two neighbors. */
export const gapX = 24;

/** A block without anything below it. */
export function leaf(id: string, top: number, width: number, rows = 1): Block {
  return { id, top, left: Array(rows).fill(-width / 2), right: Array(rows).fill(width / 2), kids: [] };
}

/** A row of blocks that grows to the right. */
export class Shelf {
  readonly kids: Block["kids"] = [];
  readonly #left: number[] = [];
  readonly #right: number[] = [];

  /** Puts a block as far left as the contour lets it, under shorter ones but not past their left. Returns where its middle is. */
  push(block: Block): number {
    if (this.kids.length === 0) return this.#add(block, 0);
    let x = leftmost(this.#left) - leftmost(block.left);
    block.left.forEach((left, i) => {
      const taken = this.#right[block.top + i];
      if (taken !== undefined && !Number.isNaN(left)) x = Math.max(x, taken + gapX - left);
    });
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

  /** The shelf as what hangs below a step of a width, whose middle is at x of the shelf. */
  under(id: string, row: number, width: number, x: number): Block {
    const block: Block = { ...leaf(id, row, width), kids: this.kids.map((k) => ({ block: k.block, x: k.x - x })) };
    for (let r = row + 1; r < this.#left.length; r++) {
      block.left.push((this.#left[r] ?? Number.NaN) - x);
      block.right.push((this.#right[r] ?? Number.NaN) - x);
    }
    return block;
  }

  #add(block: Block, x: number): number {
    this.kids.push({ block, x });
    block.left.forEach((left, i) => {
      if (Number.isNaN(left)) return;
      const r = block.top + i;
      this.#left[r] = Math.min(this.#left[r] ?? Number.POSITIVE_INFINITY, left + x);
      this.#right[r] = Math.max(this.#right[r] ?? Number.NEGATIVE_INFINITY, (block.right[i] ?? 0) + x);
    });
    return x;
  }
}

function leftmost(contour: number[]): number {
  let left = Number.POSITIVE_INFINITY;
  for (const x of contour) if (x < left) left = x; // not of NaN
  return left;
}

/** Between which places a block would lie upon another one. */
function forbidden(there: Block, at: number, block: Block): [number, number] {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  const first = Math.max(there.top, block.top);
  const end = Math.min(there.top + there.left.length, block.top + block.left.length);
  for (let r = first; r < end; r++) {
    const left = there.left[r - there.top] ?? Number.NaN;
    const right = there.right[r - there.top] ?? Number.NaN;
    const myLeft = block.left[r - block.top] ?? Number.NaN;
    const myRight = block.right[r - block.top] ?? Number.NaN;
    if (Number.isNaN(left) || Number.isNaN(myLeft)) continue;
    from = Math.min(from, at + left - gapX - myRight);
    to = Math.max(to, at + right + gapX - myLeft);
  }
  return [from, to];
}
