import words from "#words/keys";

/** One row of the help: keys and what they do. */
export interface KeyRow {
  keys: readonly string[];
  does: string;
}

/** The keys of the console by place. The help is made from this table. */
export const keyTable: readonly { title: string; rows: readonly KeyRow[] }[] = [
  {
    title: words.everywhere,
    rows: [
      { keys: ["?"], does: words.help },
      { keys: ["Esc"], does: words.close },
    ],
  },
  {
    title: words.graph,
    rows: [
      { keys: ["↓", "↑"], does: words.along },
      { keys: ["←", "→"], does: words.across },
      { keys: ["Enter"], does: words.open },
      { keys: ["F"], does: words.fit },
      { keys: ["/"], does: words.find },
      { keys: ["O"], does: words.outline },
      { keys: ["M"], does: words.mode },
    ],
  },
  {
    title: words.build,
    rows: [
      { keys: ["A"], does: words.add },
      { keys: ["D", "Delete"], does: words.remove },
      { keys: ["C", "X", "V"], does: words.clipboard },
      { keys: ["Ctrl Z", "Ctrl Shift Z"], does: words.undo },
      { keys: ["F8"], does: words.fault },
    ],
  },
];

/** Whether a key is meant for a field: it types there, and is no command. */
export function isTyping(event: KeyboardEvent | React.KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select"))
  );
}

/** The letter of a key without modifiers, in lower case; "" with Ctrl, Alt or Meta. */
export function plainKey(event: KeyboardEvent | React.KeyboardEvent): string {
  return event.ctrlKey || event.metaKey || event.altKey ? "" : event.key.toLowerCase();
}
