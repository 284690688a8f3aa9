// Writes generated/words/<section>.ts for each section of words.json, so that a
// place loads its own words only, and a missing word is an error of compilation.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const target = new URL("../generated/words/", import.meta.url);
const words = JSON.parse(readFileSync(new URL("../words.json", import.meta.url), "utf8"));
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [section, entries] of Object.entries(words)) {
  writeFileSync(new URL(`${section}.ts`, target), `export default ${JSON.stringify(entries, null, 2)} as const;\n`);
}
