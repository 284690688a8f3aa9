// Writes generated/words/<section>.ts for each section of words.json, so that a
// place loads its own words only, and a missing word is an error of compilation.
// A file that is up to date stays: a build or a development server may be reading it.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const target = new URL("../generated/words/", import.meta.url);
const words = JSON.parse(readFileSync(new URL("../words.json", import.meta.url), "utf8"));
mkdirSync(target, { recursive: true });
for (const [section, entries] of Object.entries(words)) {
  const file = new URL(`${section}.ts`, target);
  const text = `export default ${JSON.stringify(entries, null, 2)} as const;\n`;
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}
for (const name of readdirSync(target)) {
  if (!Object.hasOwn(words, name.replace(/\.ts$/, ""))) rmSync(new URL(name, target));
}
