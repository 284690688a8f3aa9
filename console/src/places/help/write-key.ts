const mac = /mac|iphone|ipad/i.test(navigator.userAgent);
const signs: Record<string, string> = {
  Mod: mac ? "⌘" : "Ctrl",
  Shift: mac ? "⇧" : "Shift",
  Alt: mac ? "⌥" : "Alt",
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
  Delete: "Del",
  " ": "Space",
};

/** A key as it stands on a keyboard: "Mod+Shift+z" -> ["Ctrl", "Shift", "Z"]. */
export function writeKey(key: string): string[] {
  return key.split(/\+(?=.)/).map((part) => signs[part] ?? (part.length === 1 ? part.toUpperCase() : part));
}
