// Random graphs for property tests: without cycles, with keys and numbers that only an exact editor keeps.

/** Numbers from 0 to 1 that a seed determines. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const exact = ["9007199254740993", "1.0", "-0", "1e400", "0.10", "-12345678901234567890", "7", "3.14"];
const types = [
  "wait",
  "condition_split",
  "multi_split",
  "random_split",
  "nba_decision",
  "channel_action",
  "update_customer",
  "a_future_kind",
];

/** The text of a random definition. */
export function randomDefinition(seed: number): string {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const count = 1 + Math.floor(next() * 12);
  const kinds = ["entry_trigger", ...Array.from({ length: count }, () => pick(types)), "exit", "exit"];
  const extra = () => {
    const keys = [
      `"x-note": {"2": null, "n": ${pick(exact)}, "a": []}`,
      `"position": {"x": ${pick(exact)}, "y": ${pick(exact)}}`,
      `"data": {"label": "Ünïcode \\u2028 ${seed}", "deep": [[${pick(exact)}]]}`,
    ];
    return keys.filter(() => next() < 0.4);
  };
  const nodes = kinds.map((type, i) =>
    shuffle(next, [`"id": "n${i}"`, `"type": "${type}"`, config(type, next, pick), ...extra()]),
  );
  const edges = kinds.flatMap((type, i) =>
    handles(type, next).flatMap((handle) => {
      const rest = kinds.length - i - 1;
      if (rest === 0 || next() < 0.1) return [];
      const target = i + 1 + Math.floor(next() * Math.min(rest, 4));
      const named = handle === null ? (next() < 0.3 ? ['"sourceHandle": null'] : []) : [`"sourceHandle": "${handle}"`];
      return [shuffle(next, [`"source": "n${i}"`, `"target": "n${target}"`, ...named, ...extra()])];
    }),
  );
  return compact(
    `{${next() < 0.5 ? `"viewport": {"zoom": ${pick(exact)}}, ` : ""}"nodes": [${nodes}], "edges": [${edges}]}`,
  );
}

function handles(type: string, next: () => number): (string | null)[] {
  if (type === "exit") return [];
  if (type === "condition_split") return ["true", "false"];
  if (type === "multi_split") return ["a", "b", "else"];
  if (type === "random_split") return ["a", "b"];
  if (type === "a_future_kind") return next() < 0.5 ? [null] : ["left", "right"];
  return [null];
}

function config(type: string, next: () => number, pick: <T>(list: readonly T[]) => T): string {
  const n = pick(exact);
  if (type === "multi_split") {
    return `"config": {"branches": [{"id": "a", "condition": {"field": "n", "operator": "eq", "value": ${n}}}, {"id": "b", "condition": {"any": []}}]}`;
  }
  if (type === "random_split")
    return `"config": {"salt": "s", "branches": [{"weight": 50, "id": "a"}, {"id": "b", "weight": ${n}}]}`;
  return next() < 0.2 ? `"config": {}` : `"config": {"zz": ${n}, "a": {"field": "x", "value": [${n}, "${n}"]}}`;
}

function shuffle(next: () => number, parts: string[]): string {
  const order = parts.map((part) => ({ part, at: next() })).sort((a, b) => a.at - b.at);
  return `{${order.map(({ part }) => part).join(",")}}`;
}

/** Removes the spaces that no string contains. */
function compact(text: string): string {
  return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, "$1").replaceAll("\\u2028", "\u2028");
}
