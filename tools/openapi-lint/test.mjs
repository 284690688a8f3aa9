// Checks that Spectral finds each fault of faults.yaml by the rule that its
// description names.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const lines = readFileSync("faults.yaml", "utf8").split("\n");
let output = "";
try {
  execFileSync("spectral", ["lint", "--ruleset", "spectral.yaml", "--format", "json", "faults.yaml"], { encoding: "utf8" });
} catch (error) {
  output = error.stdout; // it exits with 1, because it finds faults
}
const rules = new Set([...readFileSync("spectral.yaml", "utf8").matchAll(/^ {2}([a-z-]+):$/gm)].map((m) => m[1]));
const found = JSON.parse(output.slice(output.indexOf("["), output.lastIndexOf("]") + 1)).filter((f) => rules.has(f.code));
const places = new Set(found.map((f) => `${f.path.slice(0, 3).join(".")} ${f.code}`));
const expected = new Set();
let place;
for (const line of lines) {
  const schema = /^ {4}(\w+):/.exec(line);
  if (schema) place = `components.schemas.${schema[1]}`;
  const rule = /description: ([a-z-]+)/.exec(line)?.[1];
  if (rule) expected.add(rule === "server-variables" ? `servers.0.variables ${rule}` : `${place} ${rule}`);
}
assert.deepEqual([...places].sort(), [...expected].sort());
console.log(`openapi-lint: ${expected.size} planted faults were found`);
