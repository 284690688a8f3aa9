import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "./env";

/** A browser to launch, and the environment that it needs. */
export interface Browser {
  path: string;
  env: Record<string, string>;
}

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];

/** Returns the browser of CHROME, an installed one, or on Linux the one of the npm packages. */
export async function findChromium(): Promise<Browser> {
  const path = process.env["CHROME"] || installed();
  if (path) return { path, env: environment() };
  if (process.platform === "linux" && process.arch === "x64") return unpacked();
  throw new Error("Chromium is missing: install Chromium or Google Chrome, or set CHROME to the path of its program");
}

function installed(): string | undefined {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/Applications/Google Chrome.app/Contents/MacOS",
    "/Applications/Chromium.app/Contents/MacOS",
  ];
  const programs = process.platform === "darwin" ? [...names, "Google Chrome", "Chromium"] : names;
  return programs.flatMap((name) => folders.map((folder) => join(folder, name))).find(executable);
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Unpacks the browser of @sparticuz/chromium and the libraries that it needs beyond libc, once. */
async function unpacked(): Promise<Browser> {
  const description = readFileSync(
    new URL("../../node_modules/@sparticuz/chromium/package.json", import.meta.url),
    "utf8",
  );
  const { version } = JSON.parse(description) as { version: string };
  const home = join(root, ".local", `chromium-${version}`);
  if (!existsSync(home)) {
    const next = `${home}.${process.pid}`;
    mkdirSync(next, { recursive: true });
    await unpackTo(next);
    writeFileSync(join(next, "fonts.conf"), fontSettings(home));
    try {
      renameSync(next, home);
    } catch {
      rmSync(next, { recursive: true }); // another process was first
    }
  }
  const env = environment();
  env["LD_LIBRARY_PATH"] = join(home, "al2023", "lib");
  env["FONTCONFIG_FILE"] = join(home, "fonts.conf");
  return { path: join(home, "chromium"), env };
}

/** The package unpacks to the folder of temporary files, and its libraries only where it finds itself in AWS Lambda. */
async function unpackTo(folder: string): Promise<void> {
  const before = { ...process.env };
  process.env["TMPDIR"] = folder;
  process.env["AWS_LAMBDA_JS_RUNTIME"] = "nodejs24.x";
  try {
    const { default: chromium } = await import("@sparticuz/chromium");
    await chromium.executablePath();
  } finally {
    process.env = before;
  }
}

/** The package's own settings name folders of AWS Lambda. Without a font the browser crashes. */
function fontSettings(home: string): string {
  const folders = ["/usr/share/fonts", join(home, "fonts")].map((folder) => `<dir>${folder}</dir>`);
  return `<fontconfig>${folders.join("")}<cachedir>${join(home, "fonts-cache")}</cachedir></fontconfig>\n`;
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => !!entry[1]));
}
