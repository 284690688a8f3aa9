// What the console may cost. The table is docs/console/budgets.md.
import type { Page } from "@playwright/test";
import type { Graph } from "../src/graph/types";
import { axe, expect, largest, test, welcome } from "./lib";
import { frame, hold, kilobytes, Loads, Processor, print, report } from "./lib/budget";
import { pageURL } from "./lib/env";

test.describe.configure({ mode: "default" }); // one after another, in one process
test.use({ trace: "off" }); // it costs time of the page
test.skip(
  ({ baseURL }) => baseURL !== pageURL || process.env["BASE"] !== undefined,
  "a development server serves other files",
);
test.afterAll(report);

const builder = "JavaScript of the builder, beyond the list: canvas, graph, build, all forms, icons";
const modes = ["build", "simulate", "live", "versions"] as const;
/** What only this mode has. */
const stands = { build: ".palette", simulate: ".work--sim", live: ".work--live", versions: ".work--versions" } as const;

/** The largest graph with a persona, whose way through it is long. */
function simulated(): Graph {
  const graph = largest();
  const personas = [{ id: "p1", name: "Frequent", test: { customerAttributes: { visits: 1000 } } }];
  return { ...graph, nodes: graph.nodes.map((node, i) => (i === 0 ? { ...node, data: { personas } } : node)) };
}

test("the pages load few bytes by few requests", async ({ page, backend, enter }) => {
  const { id } = await backend.launch({ name: "Welcome", definition: welcome });
  const loads = new Loads(page);
  await enter("#/");
  await expect(page.getByRole("link", { name: "Welcome" })).toBeVisible();
  await page.waitForLoadState("networkidle");
  const list = await loads.take();
  const files = list.filter(({ path }) => !path.startsWith("/api/"));
  hold("Files of the first view, the list of journeys", files.length, 6, "", files.map(({ path }) => path).join("\n"));
  hold("JavaScript of the list", kilobytes(files, ".js"), 95, "kB");
  hold("CSS of the list", kilobytes(files, ".css"), 10, "kB");
  await page.goto(`/#/journeys/${id}/live`);
  await expect(page.getByText("Newcomers have taken")).toBeVisible(); // the last to come
  await page.waitForLoadState("networkidle");
  const asked = (await loads.take()).map(({ path }) => path).filter((path) => path.startsWith("/api/"));
  hold("Calls of the API to open a journey", asked.length, 4, "", asked.join("\n"));
});

test("the sign-in loads few bytes, when it is used", async ({ page }) => {
  const loads = new Loads(page);
  await page.goto("/");
  const button = page.getByRole("button", { name: "Sign in" });
  await expect(button).toBeVisible();
  await page.waitForLoadState("networkidle");
  await loads.take();
  await button.click();
  await page.waitForURL(/_local\/login/);
  hold("JavaScript of the sign-in, a chunk of its own", kilobytes(await loads.take(), ".js"), 20, "kB");
});

test("the modes of a journey load few bytes", async ({ page, backend, enter }) => {
  const { id } = await backend.launch({ name: "Welcome", definition: welcome });
  await enter("#/");
  await expect(page.getByRole("link", { name: "Welcome" })).toBeVisible();
  const loads = new Loads(page);
  let all = 0;
  for (const mode of modes) {
    await page.goto(`/#/journeys/${id}/${mode}`);
    await expect(page.locator(stands[mode])).toBeVisible(); // the graph of the mode before is alike
    await expect(page.locator(".react-flow__node")).toHaveCount(welcome.nodes.length);
    if (mode === "build") await page.locator(".react-flow__node").nth(3).click(); // its form
    await loads.settle();
    all += kilobytes(await loads.take(), ".js");
    if (mode === "build") hold(builder, all, 120, "kB");
  }
  hold("JavaScript of all four modes, beyond the list", all, 165, "kB");
});

test("no place breaks a rule of accessibility or of the page's policy", async ({ backend, enter, page, trouble }) => {
  test.slow();
  const { id } = await backend.launch({ name: "Welcome", definition: welcome });
  await backend.customer("c1", { orders: 1, email: "c1@example.com" });
  await backend.enroll(id, "c1");
  const places = [
    "#/",
    ...modes.map((mode) => `#/journeys/${id}/${mode}`),
    `#/journeys/${id}/launch`,
    `#/journeys/${id}/people`,
    `#/journeys/${id}/people/c1`,
    "#/customers",
    "#/customers/c1",
    "#/settings",
  ];
  await enter("#/");
  const violations: string[] = [];
  for (const place of places) {
    await page.goto(`/${place}`);
    await expect(page.locator("#main")).toBeVisible();
    await page.waitForLoadState("networkidle");
    violations.push(...(await axe(page)).map((violation) => `${place} ${violation}`));
  }
  expect.soft(violations).toEqual([]);
  hold(`Violations of axe's rules, ${places.length} places, light and dark`, violations.length, 0);
  const refused = trouble.unexpected().filter((text) => text.includes("policy: "));
  hold("Violations of the Content-Security-Policy", refused.length, 0);
});

/** Counts the calls of the API while the page's clock goes on for so many seconds. */
async function calls(page: Page, seconds: number): Promise<number> {
  let count = 0;
  const listen = (request: { url: () => string }) => {
    if (new URL(request.url()).pathname.startsWith("/api/")) count++;
  };
  page.on("request", listen);
  for (let s = 0; s < seconds; s += 5) {
    await page.clock.runFor(5000);
    await page.waitForLoadState("networkidle");
    await frame(page);
  }
  page.off("request", listen);
  return count;
}

test("a hidden page asks for nothing", async ({ backend, enter, page }) => {
  const { id } = await backend.launch({ name: "Welcome", definition: welcome });
  await page.clock.install();
  await enter(`#/journeys/${id}/live`);
  await expect(page.locator(".react-flow__node")).toHaveCount(welcome.nodes.length);
  await page.waitForLoadState("networkidle");
  const visible = await calls(page, 60);
  expect(visible, "a page that is seen stays fresh").toBeGreaterThan(0);
  hold("Calls of the API in a minute of a journey's figures", visible, 7);

  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  });
  hold("Calls of the API in ten minutes of a hidden page", await calls(page, 600), 0);
});

test("256 steps are drawn, moved and simulated without jerks", async ({ backend, enter, page }) => {
  const { id } = await backend.create({ name: "Largest", definition: simulated() });
  await enter("#/settings");
  await page.waitForLoadState("networkidle");
  const processor = await Processor.of(page);
  const drawn = () =>
    page.waitForFunction(() => document.querySelectorAll(".react-flow__node").length === 256).then(() => frame(page));
  const standing = await processor.during(async () => {
    await page.goto(`/#/journeys/${id}/build`);
    await drawn();
  });
  print("CPU until 256 steps stand", standing, 600, "ms");

  const frames = 60;
  const box = await page.locator(".react-flow__pane").boundingBox();
  if (box === null) throw new Error("the graph is not drawn");
  const [x, y] = [box.x + 20, box.y + 20];
  await page.mouse.move(x, y);
  await page.mouse.down();
  const panning = await processor.during(async () => {
    for (let i = 1; i <= frames; i++) {
      await page.mouse.move(x + i * 4, y + i * 2);
      await frame(page);
    }
  });
  await page.mouse.up();
  print("CPU of a frame while the graph is moved", panning / frames, 10, "ms");

  await page.goto(`/#/journeys/${id}/simulate`);
  await drawn();
  const slider = page.getByRole("slider", { name: "Step", exact: true });
  await slider.focus();
  const scrubbing = await processor.during(async () => {
    for (let i = 0; i < frames; i++) {
      await page.keyboard.press(i % 12 < 6 ? "ArrowRight" : "ArrowLeft");
      await frame(page);
    }
  });
  print("CPU of a frame while the time of a simulation is moved", scrubbing / frames, 12, "ms");
});
