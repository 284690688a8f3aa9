import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CDPSession, Page, Request } from "@playwright/test";
import { expect } from "@playwright/test";
import { pageURL, root } from "./env";

/** One line of the table of budgets. */
interface Row {
  what: string;
  measured: string;
  limit: string;
}

const rows: Row[] = [];

/** The row of the first test. */
const first = "Files of the first view, the list of journeys";

/** Holds a figure to its limit. */
export function hold(what: string, measured: number, limit: number, unit = "", detail = ""): void {
  rows.push({ what, measured: show(measured, unit), limit: limit === 0 ? "0" : `at most ${show(limit, unit)}` });
  expect.soft(measured, `${what} ${unit}\n${detail}`).toBeLessThanOrEqual(limit);
}

/** Shows a figure beside its limit, without holding it: it depends on the machine. */
export function print(what: string, measured: number, limit: number, unit: string): void {
  rows.push({ what, measured: show(measured, unit), limit: `${show(limit, unit)}, not enforced` });
}

function show(value: number, unit: string): string {
  const text = value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
  return unit === "" ? text : `${text} ${unit}`;
}

const file = join(root, "docs", "console", "budgets.md");

const before = `# Budgets of the console

\`make console-budgets\` measures them and writes this table; \`make console-test\` fails if one that is enforced is
exceeded. Sizes are those of the compressed files. CPU is that of the page's main thread (Chromium's \`threadTicks\`), so
other work on the machine hardly counts.

| What | Measured | Limit |
| --- | ---: | ---: |
`;

/** Prints the table, and writes it to docs/console/budgets.md if BUDGETS=write. */
export function report(): void {
  const lines = rows.map(({ what, measured, limit }) => `| ${what} | ${measured} | ${limit} |\n`).join("");
  process.stdout.write(`\n${lines}\n`);
  // After a failure the other tests run in a new process, which has not all rows.
  if (process.env["BUDGETS"] !== "write" || !rows.some(({ what }) => what === first)) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, before + lines);
}

/** What a page loaded from the server of the console. */
export interface Loaded {
  path: string;
  bytes: number; // of the body as it was sent
}

/** Records what a page loads, from now on. */
export class Loads {
  readonly #page: Page;
  readonly #requests: Request[] = [];
  readonly #underWay = new Set<Request>();

  constructor(page: Page) {
    this.#page = page;
    page.on("request", (request) => this.#underWay.add(request));
    page.on("requestfailed", (request) => this.#underWay.delete(request));
    page.on("requestfinished", (request) => {
      this.#underWay.delete(request);
      if (request.url().startsWith(pageURL)) this.#requests.push(request);
    });
  }

  /** Waits until nothing is loading. The page itself says so only of what it loads at first. */
  async settle(): Promise<void> {
    await expect
      .poll(async () => {
        await frame(this.#page);
        return this.#underWay.size;
      })
      .toBe(0);
  }

  /** The files that were loaded since the last call. */
  async take(): Promise<Loaded[]> {
    const taken = this.#requests.splice(0);
    return Promise.all(
      taken.map(async (request) => ({
        path: new URL(request.url()).pathname,
        bytes: (await request.sizes()).responseBodySize,
      })),
    );
  }
}

/** The kilobytes of the files with this ending. */
export function kilobytes(loaded: Loaded[], ending: string): number {
  return loaded.filter(({ path }) => path.endsWith(ending)).reduce((sum, { bytes }) => sum + bytes, 0) / 1000;
}

/** Measures the CPU that the main thread of a page spends. */
export class Processor {
  readonly #session: CDPSession;

  private constructor(session: CDPSession) {
    this.#session = session;
  }

  static async of(page: Page): Promise<Processor> {
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    return new Processor(session);
  }

  /** The milliseconds that a piece of work takes. */
  async during(work: () => Promise<void>): Promise<number> {
    const start = await this.#spent();
    await work();
    return (await this.#spent()) - start;
  }

  async #spent(): Promise<number> {
    const { metrics } = await this.#session.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1000;
  }
}

/** Waits until the page has drawn. */
export async function frame(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
}
