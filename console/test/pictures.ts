// Takes the pictures of docs/console: `make console-pictures`. The suite leaves them alone.
import { mkdirSync } from "node:fs";
import type { Page } from "@playwright/test";
import { expect, must, oneMessage, test, welcome } from "./lib";
import type { Backend } from "./lib/backend";
import { cart, withPersonas } from "./lib/cart";
import { inbox, oneTopic, playFeedback, untilSent } from "./lib/consent";
import { root } from "./lib/env";

const folder = `${root}/docs/console`;

async function picture(page: Page, name: string): Promise<void> {
  await expect(page.locator(".skel")).toHaveCount(0);
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: `${folder}/${name}.png` });
}

const goal = { eventType: "purchase", match: { event: "cartId", entry: "cartId" }, windowDays: 7 };
const many = 1240;
const everyone = Array.from({ length: many }, (_, i) => i);

/** Customers with what the conditions read; some have an address that the local channel refuses. */
async function makeCustomers(backend: Backend): Promise<void> {
  const all = Array.from({ length: many }, (_, i) => ({
    customerId: `cus_${20_000 + i}`,
    attributes: {
      firstName: ["Mara", "Jonas", "Priya", "Lea"][i % 4],
      email: i % 150 === 7 ? `c${i}@refused.example` : `c${i}@example.com`,
      phone: i % 40 === 3 ? "+0000000" : `+4670${String(1_000_000 + i)}`,
      lastOrderAt: i % 3 === 0 ? "2026-11-20" : "2026-06-11",
    },
  }));
  for (let at = 0; at < many; at += 620) {
    must(await backend.api.POST("/customers", { body: { customers: all.slice(at, at + 620) } }));
  }
}

async function enterCarts(backend: Backend, id: string): Promise<void> {
  for (let at = 0; at < many; at += 620) {
    const entries = Array.from({ length: Math.min(620, many - at) }, (_, i) => ({
      customerId: `cus_${20_000 + at + i}`,
      properties: { cartId: `c${at + i}`, total: 20 + (((at + i) * 7) % 150), currency: "EUR", items: 1 + (i % 4) },
    }));
    must(
      await backend.api.POST("/journeys/{id}/enroll", {
        params: { path: { id } },
        body: { entries } as object as never,
      }),
    );
  }
}

async function purchases(backend: Backend, customers: readonly number[]): Promise<void> {
  const events = customers.map((i) => ({
    customerId: `cus_${20_000 + i}`,
    eventType: "purchase",
    properties: { cartId: `c${i}` },
  }));
  for (let at = 0; at < events.length; at += 100) {
    must(await backend.api.POST("/events", { body: { events: events.slice(at, at + 100) } as object as never }));
  }
}

/** Those who buy later: of each way of the offer test a share. */
async function laterBuyers(backend: Backend, id: string): Promise<number[]> {
  const shares: Record<string, number> = { ten: 4, delivery: 5, holdout: 8 };
  const seen: Record<string, number> = {};
  const buyers: number[] = [];
  for (const i of everyone.filter((n) => n % 4 !== 1 && 20 + ((n * 7) % 150) >= 80 && n % 3 !== 0)) {
    const path = { id, customerId: `cus_${20_000 + i}` };
    const run = must(await backend.api.GET("/journeys/{id}/enrollments/{customerId}", { params: { path } }));
    const way = run.path.find((step) => step.nodeId === "offer")?.result ?? "";
    seen[way] = (seen[way] ?? 0) + 1;
    if (way in shares && seen[way] % (shares[way] ?? 1) === 0) buyers.push(i);
  }
  return buyers;
}

/** A journey with a topic, whose messages were opened, clicked, refused, and ended by two of those who got them. */
async function hearFeedback(backend: Backend): Promise<string> {
  await oneTopic(backend);
  const nodes = welcome.nodes.map((node) =>
    node.type === "channel_action" ? { ...node, config: { ...node.config, topic: "news" } } : node,
  );
  const { id } = await backend.launch({ name: "News", definition: { ...welcome, nodes } });
  const readers = Array.from({ length: 80 }, (_, i) => `cus_${20_000 + i}`).filter((_, i) => i !== 7);
  await backend.enroll(id, ...readers);
  const messages = await untilSent(id, ...readers);
  for (const [i, message] of messages.entries()) {
    if (i % 3 !== 0) await playFeedback(backend.tenant, message, "opened");
    if (i % 4 === 1) await playFeedback(backend.tenant, message, "clicked");
    if (i % 26 === 3) await playFeedback(backend.tenant, message, "bounced");
  }
  const links = (await inbox(id)).filter((_, i) => i % 40 === 5).map(({ unsubscribe }) => unsubscribe?.url ?? "");
  for (const link of links) {
    const body = new URLSearchParams({ "List-Unsubscribe": "One-Click" });
    expect((await fetch(link, { method: "POST", body })).status).toBe(200);
  }
  await expect
    .poll(async () => (await backend.figures(id)).steps.find(({ nodeId }) => nodeId === "greet"), { timeout: 40_000 })
    .toMatchObject({ feedback: { clicked: 20, bounced: 3, unsubscribed: 2 } });
  return id;
}

test("pictures of every place", async ({ enter, enterElsewhere, backend, page, trouble }) => {
  test.setTimeout(300_000);
  mkdirSync(folder, { recursive: true });
  await enter("");
  await expect(page.getByRole("main")).toContainText("Start with one of these");
  await picture(page, "empty");

  const { id } = await backend.launch({ name: "Abandoned cart", definition: cart({ delayHours: 0.005 }), goal });
  await makeCustomers(backend);
  await enterCarts(backend, id);
  await purchases(
    backend,
    everyone.filter((i) => i % 4 === 1),
  );
  await expect
    .poll(async () => (await backend.figures(id)).enrollments.active, { timeout: 120_000, intervals: [1000] })
    .toBe(0);
  await purchases(backend, await laterBuyers(backend, id));
  await backend.untilFigures(id, { conversions: expect.any(Number) });
  // Those who come now take two hours.
  await backend.change(id, { definition: withPersonas(cart({ delay: { value: 2, unit: "hours" } })) });
  must(
    await backend.api.POST("/journeys/{id}/enroll", {
      params: { path: { id } },
      body: { customerIds: Array.from({ length: 312 }, (_, i) => `new_${i}`) },
    }),
  );
  for (const name of ["Welcome series", "Win back after 60 days", "Birthday", "Price drop alert"]) {
    const other = await backend.launch({ name, definition: oneMessage("email") });
    await backend.enroll(other.id, ...Array.from({ length: 40 + name.length }, (_, i) => `cus_${20_000 + i}`));
    if (name === "Price drop alert") await backend.change(other.id, { status: "paused" });
  }
  await backend.create({ name: "Loyalty tier upgrade", definition: welcome });
  await backend.untilFigures(id, { enrollments: { total: many + 312 } });

  await page.goto("/#/");
  await expect(page.getByRole("row").filter({ hasText: "Abandoned cart" })).toContainText("312");
  await picture(page, "journeys");

  await page.goto(`/#/journeys/${id}/live`);
  await page.getByRole("radio", { name: /^Version 1/ }).click();
  await expect(page.getByRole("main")).toContainText("1,240 in");
  await picture(page, "live");
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, "live-dark");
  await page.emulateMedia({ colorScheme: "light" });

  await page.goto(`/#/journeys/${id}/people?status=failed`);
  await page.getByRole("row").filter({ hasText: "cus_" }).first().getByRole("link").click();
  await expect(page.getByRole("complementary")).toContainText("We saved your cart");
  await picture(page, "people");

  await page.goto(`/#/journeys/${id}/simulate`);
  await page.getByRole("option", { name: /Mara/ }).click();
  const time = page.getByRole("slider", { name: "Step", exact: true });
  await time.press("Home");
  for (let i = 0; i < 3; i++) await time.press("ArrowRight");
  await picture(page, "simulate");
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, "simulate-dark");
  await page.emulateMedia({ colorScheme: "light" });

  // A draft beside the live version, with a fault.
  const edited = cart({ delay: { value: 4, unit: "hours" } });
  const nodes = edited.nodes
    .filter((node) => node.id !== "held")
    .map((node) => (node.id === "free" ? { ...node, config: { ...node.config, channel: "sms-eu" } } : node));
  const definition = withPersonas({ ...edited, nodes, edges: edited.edges.filter((edge) => edge.target !== "held") });
  must(await backend.api.PUT("/journeys/{id}/draft", { params: { path: { id } }, body: { definition } as object }));
  await page.goto(`/#/journeys/${id}/build`);
  await page.reload(); // this page's own editor began before the draft
  await page.locator("[data-step=buy]").click();
  await expect(page.locator(".faults")).toContainText("Offer test");
  await picture(page, "build");
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, "build-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.locator("[data-step=worth]").click();
  await expect(page.getByRole("complementary", { name: /Worth an offer/ })).toBeVisible();
  await picture(page, "condition");

  const whole = withPersonas(cart({ delay: { value: 4, unit: "hours" } }));
  must(
    await backend.api.PUT("/journeys/{id}/draft", { params: { path: { id } }, body: { definition: whole } as object }),
  );
  await page.goto(`/#/journeys/${id}/launch`);
  await page.reload();
  await expect(page.getByRole("main")).toContainText("No faults");
  await picture(page, "launch");

  await page.goto(`/#/journeys/${id}/versions`);
  await page.getByRole("radio", { name: "Compare" }).click();
  await expect(page.getByRole("complementary").last()).toContainText("Time to buy");
  await picture(page, "versions");

  const news = await hearFeedback(backend);
  await page.goto(`/#/journeys/${news}/live`);
  await page.reload(); // the settings of this page are from before the topic
  await page.locator("[data-step=greet]").click();
  await expect(page.getByRole("complementary")).toContainText("reported as spam");
  await picture(page, "feedback");
  await page.goto("/#/settings");
  trouble.allow(/^console: Blocked script execution in '\S+\/u\//); // the test's own scripts
  await page.getByText("The unsubscribe page").click();
  await expect(page.frameLocator("iframe").getByRole("button")).toBeVisible();
  await page.locator("iframe").scrollIntoViewIfNeeded();
  await picture(page, "settings");

  const phone = await enterElsewhere(`#/journeys/${id}/live`);
  await phone.setViewportSize({ width: 390, height: 844 });
  await expect(phone.getByRole("main")).toContainText("312");
  await picture(phone, "phone");
});
