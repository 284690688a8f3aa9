/** Light, dark, or what the system says. */
export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const name = "journeys.theme";

/** The theme that was chosen in this browser. */
export function readTheme(): Theme {
  const value = localStorage.getItem(name);
  return themes.find((theme) => theme === value) ?? "system";
}

/** Keeps a theme for this browser, and draws the page in it. */
export function chooseTheme(theme: Theme) {
  localStorage.setItem(name, theme);
  applyTheme(theme);
}

/** Draws the page in a theme. */
export function applyTheme(theme: Theme = readTheme()) {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
