// Writes generated/licenses.txt: the licenses of the packages that the page is made of. A license that several
// packages have word for word stands there once.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

const root = new URL("../", import.meta.url);
const { packages } = JSON.parse(readFileSync(new URL("package-lock.json", root), "utf8"));
const texts = new Map();
for (const [path, { version, license, dev }] of Object.entries(packages)) {
  const name = path.replace(/^.*node_modules\//, "");
  if (path === "" || dev || name.startsWith("@types/")) continue;
  const folder = new URL(`${path}/`, root);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.(md|txt))?$/i.test(entry));
  const text = file === undefined ? license : readFileSync(new URL(file, folder), "utf8").trim();
  texts.set(text, [...(texts.get(text) ?? []), `${name} ${version} (${license})`]);
}
const parts = [...texts].map(([text, names]) => `${names.join("\n")}\n\n${text}\n`);
const all = `The console contains these packages.\n\n${parts.join(`\n${"-".repeat(80)}\n\n`)}`;
const target = new URL("generated/licenses.txt", root);
if (!existsSync(target) || readFileSync(target, "utf8") !== all) writeFileSync(target, all);
