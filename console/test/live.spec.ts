import type { Graph } from "../src/graph/types";
import { axe, expect, must, test, welcome } from "./lib";
import type { Backend } from "./lib/backend";
import { oneTopic, playFeedback, untilSent } from "./lib/consent";

/** Who takes an offer and who does not is left to chance; both wait for two days. */
const offers: Graph = {
  nodes: [
    { id: "start", type: "entry_trigger", config: { eventType: "cart_updated" } },
    { id: "greet", type: "channel_action", label: "Greet", config: { channel: "email", templateId: "greet" } },
    {
      id: "test",
      type: "random_split",
      label: "Offer test",
      config: {
        branches: [
          { id: "offer", weight: 50 },
          { id: "holdout", weight: 50 },
        ],
      },
    },
    { id: "wait", type: "wait", label: "Time to buy", config: { delayHours: 48 } },
    { id: "held", type: "exit", label: "Held out" },
    { id: "done", type: "exit", label: "Done" },
  ],
  edges: [
    { source: "start", target: "greet" },
    { source: "greet", target: "test" },
    { source: "test", target: "wait", sourceHandle: "offer" },
    { source: "test", target: "held", sourceHandle: "holdout" },
    { source: "wait", target: "done" },
  ],
};

const goal = { eventType: "purchase", windowDays: 7 };

/** Customers with an address; the local channel refuses those whose id begins with "bad". */
async function enter(backend: Backend, id: string, ...customers: string[]) {
  for (const customer of customers) {
    const domain = customer.startsWith("bad") ? "refused.example" : "example.com";
    await backend.customer(customer, { email: `${customer}@${domain}` });
  }
  await backend.enroll(id, ...customers);
}

const several = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `${prefix}${i}`);

test("numbers on steps and lines are those of the API, version by version", async ({ backend, enter: open, page }) => {
  const { id } = await backend.launch({ name: "Cart", definition: offers, goal });
  await enter(backend, id, ...several("a", 4));
  await backend.untilFigures(id, { enrollments: { total: 4 } });
  const nodes = offers.nodes.map((node) => (node.id === "wait" ? { ...node, config: { delayHours: 24 } } : node));
  await backend.change(id, { definition: { ...offers, nodes } });
  await enter(backend, id, ...several("b", 9), "bad0", "bad1");
  await backend.event("purchase", "b0");
  await backend.event("purchase", "b1");
  await expect
    .poll(
      async () => {
        const { steps, enrollments, conversions } = await backend.figures(id);
        const split = steps.find((step) => step.nodeId === "test" && !step.version);
        return [enrollments.total, enrollments.failed, split?.completed, conversions];
      },
      { timeout: 40_000 },
    )
    .toEqual([15, 2, 9, 2]);
  const figures = await backend.figures(id);

  await open(`#/journeys/${id}/live`);
  const graph = page.getByRole("main");
  for (const [version, name] of [
    [undefined, "Version 2"],
    [1, "Version 1"],
  ] as const) {
    const steps = figures.steps.filter((step) => step.version === version);
    const inside = steps.reduce((sum, step) => sum + step.active, 0);
    await page.getByRole("radio", { name: `${name} ${inside} inside` }).click();
    for (const step of steps) {
      const card = graph.locator(`[data-step="${step.nodeId}"]`);
      if (step.nodeType === "exit") {
        await expect(card.locator(".node-figs")).toHaveText(String(step.completed));
        continue;
      }
      const wanted = [
        step.active > 0 && `${step.active} here`,
        `${step.entered} in`,
        step.failed > 0 && `${step.failed} failed`,
      ];
      await expect(card.locator(".node-figs > *")).toHaveText(wanted.filter((text) => text !== false));
      await expect(card).toHaveAccessibleName(
        new RegExp(`${step.active} here, ${step.entered} in, ${step.failed} failed`),
      );
    }
    const passed = figures.edges.filter((edge) => edge.version === version).map((edge) => String(edge.passed));
    await expect
      .poll(async () => (await graph.locator(".elabel").allInnerTexts()).map(lastNumber).sort())
      .toEqual(passed.sort());
    const panel = page.getByRole("complementary", { name: `Figures: ${name}` });
    const entered = steps.find((step) => step.nodeId === "start")?.entered;
    await expect(panel.locator(".sum-row").last()).toHaveText(`Entered${entered}`);
  }

  await page.getByRole("radio", { name: /^Version 2/ }).click();
  await expect(graph.locator('[data-step="greet"] .bad')).toHaveText("2 failed");
  const rows = page.getByRole("table").filter({ hasText: "Offer test" }).getByRole("row");
  await expect(rows).toHaveText([/vs holdout/, /^offer/, /^holdout/]);
  const byDay = page.getByRole("table").filter({ hasText: "so far" });
  await expect(byDay.getByRole("row").nth(1), "today counts all versions").toContainText("so far15");
  expect(await axe(page)).toEqual([]);

  await graph.locator('[data-step="greet"]').click();
  await page.getByRole("link", { name: "See those who failed here" }).click();
  await expect(page).toHaveURL(new RegExp(`#/journeys/${id}/people\\?step=greet&status=failed`));
});

function lastNumber(text: string): string {
  return /(\d+)\s*$/.exec(text)?.[1] ?? text;
}

test("figures are read while the page is visible, never while it is hidden", async ({
  backend,
  enter: open,
  page,
  trouble,
}) => {
  trouble.allow(/^500 GET \S+\/analytics$/);
  const { id } = await backend.launch({ name: "Cart", definition: offers });
  await enter(backend, id, "a0");
  // Until then the figures change by themselves: the customer is enrolled before they move.
  const moved = expect.objectContaining({ nodeId: "test", completed: 1 });
  await backend.untilFigures(id, { steps: expect.arrayContaining([moved]) });
  const answers: number[] = [];
  page.on("response", (response) => {
    if (response.url().includes("/analytics?")) answers.push(response.status());
  });
  await page.clock.install();
  await open(`#/journeys/${id}/live`);
  await expect(page.getByText("checked every 10 s")).toBeVisible();
  await page.clock.runFor(10_500);
  await expect(page.getByText("checked every 20 s"), "no one moved").toBeVisible();
  expect(answers).toEqual([200, 304]);

  await setVisibility(page, "hidden");
  await page.clock.runFor(180_000);
  expect(answers, "hidden").toHaveLength(2);

  await enter(backend, id, "a1");
  await backend.untilFigures(id, { enrollments: { total: 2 } });
  await setVisibility(page, "visible");
  await expect(page.locator('[data-step="start"] .node-figs')).toHaveText("2 in");
  await expect(page.getByText("checked every 10 s"), "someone moved").toBeVisible();

  await page.route("**/analytics?**", (route) => route.fulfill({ status: 500, body: "{}" }));
  await page.clock.runFor(10_500);
  await expect(page.getByText("could not be checked")).toBeVisible();
  await expect(page.locator('[data-step="start"] .node-figs'), "old figures stay").toHaveText("2 in");
});

async function setVisibility(page: import("@playwright/test").Page, state: "visible" | "hidden") {
  await page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => value });
    Object.defineProperty(document, "hidden", { configurable: true, get: () => value === "hidden" });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, state);
}

test("a viewer sees the same figures, and no people or verbs", async ({ backend, enter: open, page }) => {
  const { id } = await backend.launch({ name: "Cart", definition: offers });
  await enter(backend, id, ...several("a", 3));
  await backend.untilFigures(id, { enrollments: { total: 3 } });
  await open(`#/journeys/${id}/live`, { role: "viewer" });
  await expect(page.locator('[data-step="start"] .node-figs')).toHaveText("3 in");
  await expect(page.getByRole("heading", { name: "Cart" })).toBeVisible();
  await page.locator('[data-step="greet"]').click();
  await expect(page.getByRole("complementary").getByRole("heading", { name: "Greet" })).toBeVisible();
  await expect(page.getByRole("link", { name: /people/i })).toHaveCount(0);
  await expect(page.getByRole("button", { name: /Pause|Resume/ })).toHaveCount(0);
  expect(await axe(page)).toEqual([]);
});

test("a journey without people says how the first one enters, and can be paused", async ({
  backend,
  enter: open,
  page,
}) => {
  const journey = await backend.create({ name: "Cart", definition: offers });
  await open(`#/journeys/${journey.id}/live`);
  await expect(page.getByRole("heading", { name: "Not launched yet" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Launch…" })).toHaveAttribute("href", `#/journeys/${journey.id}/launch`);
  await backend.change(journey.id, { status: "active" });
  await page.reload();
  await expect(page.getByRole("heading", { name: "Nobody has entered yet" })).toBeVisible();
  await expect(page.locator(".codebox")).toContainText('"eventType":"cart_updated"');
  expect(await axe(page)).toEqual([]);

  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.locator(".band").getByText("Paused.")).toBeVisible();
  const read = () => backend.api.GET("/journeys/{id}", { params: { path: { id: journey.id } } });
  expect(must(await read()).status).toBe("paused");
  await expect(page.getByRole("button", { name: "Pause" })).toHaveCount(0);
});

test("what became of messages stands on the graph and in tables, opens apart", async ({
  enter,
  backend,
  enterElsewhere,
}) => {
  await oneTopic(backend);
  const nodes = welcome.nodes.map((node) =>
    node.id === "greet" ? { ...node, config: { ...node.config, topic: "news" } } : node,
  );
  const { id } = await backend.launch({ name: "Welcome", definition: { ...welcome, nodes } });
  must(
    await backend.api.PUT("/customers/{customerId}/subscriptions", {
      params: { path: { customerId: "ben" } },
      body: { topics: { news: false } },
    }),
  );
  for (const customer of ["ann", "ben", "cid"]) await backend.customer(customer, { email: `${customer}@example.com` });
  await backend.enroll(id, "ann", "ben", "cid");
  const [ann, cid] = await untilSent(id, "ann", "cid");
  await playFeedback(backend.tenant, ann, "clicked", "opened", "delivered");
  await playFeedback(backend.tenant, cid, "opened", "bounced");
  const feedback = { delivered: 1, clicked: 1, opened: 2, bounced: 1, complained: 0, unsubscribed: 0 };
  await expect
    .poll(async () => (await backend.figures(id)).steps.find(({ nodeId }) => nodeId === "greet"), { timeout: 40_000 })
    .toMatchObject({ feedback, results: { sent: 2, skipped_unsubscribed: 1 } });

  const page = await enter(`#/journeys/${id}/live`, { role: "viewer" });
  const card = page.locator('[data-step="greet"]');
  await expect(card.locator(".node-figs > *")).toHaveText(["3 in", "1 clicked"]);
  await expect(card).toHaveAccessibleName(/1 delivered, 1 clicked, 1 bounced for good/);
  const all = page.getByRole("table").filter({ hasText: "not sent: unsubscribed" });
  await expect(all.getByRole("row").filter({ hasText: "clicked" })).toContainText("150.0");
  expect(await axe(page)).toEqual([]);
  await card.click();
  const table = page.getByRole("table").filter({ hasText: "reported as spam" });
  await expect(table.getByRole("row")).toHaveText([
    /Report/,
    /^delivered1/,
    /^clicked1/,
    /^bounced for good1/,
    /^reported as spam0/,
    /^unsubscribed0/,
    /^opened, often by a machine2/,
  ]);
  await expect(page.getByText("Don't use opens as a goal.")).toBeVisible();
  expect(await axe(page)).toEqual([]);

  const way = await enterElsewhere(`#/journeys/${id}/people/ann`);
  const sent = way.locator(".way > li").filter({ hasText: "Clicked" });
  await expect(sent).toContainText(/Clicked, \d+:\d+/);
  await expect(sent).toContainText(/Opened, often by a machine, \d+:\d+/);
  await expect(sent).toContainText(/Delivered, \d+:\d+/);
  expect(await axe(way)).toEqual([]);
});
