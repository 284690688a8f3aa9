import { axe, expect, test } from "./lib";
import { oneTopic } from "./lib/consent";

test("settings say who the reader is, what there is and its limits, and keep the colors", async ({ enter, tenant }) => {
  const page = await enter("#/settings", { name: "Ada Lovelace", role: "editor" });
  const you = page.getByRole("region", { name: "You" });
  await expect(you).toContainText("Ada Lovelace");
  await expect(you).toContainText(tenant);
  await expect(you).toContainText("You may build, launch and repair journeys");
  await expect(page.getByRole("region", { name: "Channels" })).toContainText("inbox of this machine");
  const limits = page.getByRole("region", { name: "Limits" });
  await expect(limits).toContainText("Steps256");
  await limits.getByText("All limits").click();
  await expect(limits.getByRole("region", { name: "Conditions" })).toContainText("Levels of groups8");
  expect(await axe(page)).toEqual([]);

  await page.getByRole("radio", { name: "Dark" }).click();
  await page.reload();
  await expect(page.getByRole("radio", { name: "Dark" })).toHaveAttribute("aria-checked", "true");
  const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByRole("radio", { name: "Dark" }).press("ArrowLeft");
  const light = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(light).not.toBe(dark);
});

test("the help lists the keys of the place, and gives the focus back", async ({ enter, backend }) => {
  await backend.create({ name: "Birthday" });
  const page = await enter("#/");
  const link = page.getByRole("link", { name: "Birthday" });
  await link.focus();
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Help" });
  await expect(help).toContainText("Edit the draft of the journey");
  await expect(help).toContainText("A journey has four modes");
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await expect(help).toHaveCount(0);
  await expect(link).toBeFocused();
  await page.getByRole("searchbox").press("?");
  await expect(page.getByRole("searchbox")).toHaveValue("?");
  await expect(help).toHaveCount(0);

  await page.getByRole("link", { name: "Settings" }).click();
  await expect(page.getByRole("main", { name: "Settings" })).toBeFocused();
  await expect(page).toHaveTitle("Settings · Journeys");
  await page.keyboard.press("?");
  await expect(help).not.toContainText("Edit the draft of the journey");
});

test("a busy service is waited for, and a page without figures says so", async ({ enter, backend, trouble, page }) => {
  trouble.allow(/^(503|500) GET/);
  await backend.create({ name: "Birthday" });
  // In development React reads twice at once; the next attempt comes after the 2 seconds.
  let first = 0;
  await page.route("**/api/v1/journeys?**", (route) => {
    first ||= Date.now();
    return Date.now() - first < 1500
      ? route.fulfill({ status: 503, headers: { "Retry-After": "2" }, json: { message: "Service Unavailable" } })
      : route.continue();
  });
  await page.route("**/api/v1/analytics?**", (route) =>
    route.fulfill({ status: 500, json: { title: "Broken", code: "internal", requestId: "req-11" } }),
  );
  await enter("#/");
  await expect(page.getByRole("status").filter({ hasText: "The service is busy." })).toBeVisible();
  await expect(page.getByRole("link", { name: "Birthday" })).toBeVisible();
  const failure = page.getByRole("alert").filter({ hasText: "The figures cannot be read now" });
  await failure.getByText("For support").click();
  await expect(failure).toContainText("req-11");
  await expect(failure).toContainText("GET /api/v1/analytics?");
  expect(
    await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight),
    "bands move nothing out",
  ).toBe(true);
  expect(await axe(page)).toEqual([]);
  await page.unroute("**/api/v1/analytics?**");
  await failure.getByRole("button", { name: "Try again" }).click();
  await expect(failure).toHaveCount(0);
});

test("a list that cannot be read offers to try again, and being offline is said", async ({
  enter,
  trouble,
  context,
}) => {
  trouble.allow(/^500 GET/, /^net::ERR_INTERNET_DISCONNECTED/);
  const page = await enter("#/settings");
  await expect(page.getByRole("heading", { name: "Limits" })).toBeVisible();
  await page.route("**/api/v1/journeys?**", (route) =>
    route.fulfill({ status: 500, json: { title: "Broken", code: "internal", requestId: "req-12" } }),
  );
  await page.getByRole("link", { name: "Journeys" }).last().click();
  const failure = page.getByRole("alert");
  await expect(failure).toContainText("Something went wrong on our side");
  expect(await axe(page)).toEqual([]);
  await context.setOffline(true);
  await expect(page.getByText("Offline.")).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await context.setOffline(false);
  await expect(page.getByText("Offline.")).toHaveCount(0);
  await page.unroute("**/api/v1/journeys?**");
  await failure.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("heading", { name: "Start with one of these, and change what you like." })).toBeVisible();
});

test("the figures are read again while the page is visible, and never while it is hidden", async ({
  enter,
  backend,
  page,
}) => {
  await backend.create({ name: "Birthday" });
  const reads: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/v1/")) reads.push(new URL(request.url()).pathname);
  });
  await page.clock.install();
  await enter("#/");
  await expect(page.getByRole("link", { name: "Birthday" })).toBeVisible();
  await page.clock.runFor(1000);
  const before = reads.length;
  const answer = page.waitForResponse((response) => response.url().includes("/analytics") && response.status() === 304);
  await page.clock.runFor(10_500);
  await answer;
  expect(reads.slice(before), "one call for all figures").toEqual(["/api/v1/analytics"]);

  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  });
  const hiddenAt = reads.length;
  await page.clock.runFor(600_000);
  expect(reads.length - hiddenAt, "calls while hidden").toBe(0);
});

test("an admin edits topics, and not over another's change", async ({ enter, backend, trouble }) => {
  const page = await enter("#/settings");
  const card = page.getByRole("region", { name: "Topics" });
  await card.getByRole("button", { name: "Add topics" }).press("Enter");
  await expect(card.getByRole("button", { name: "Save" })).toHaveAttribute("aria-disabled", "true");
  await card.getByLabel("Name").fill("News & more");
  await card.getByRole("checkbox", { name: "sms" }).press("Space");
  await card.getByLabel("Until people choose").selectOption("subscribed");
  expect(await axe(page)).toEqual([]);
  await card.getByRole("button", { name: "Save" }).press("Enter");
  await expect(card.getByRole("row").nth(1)).toHaveText("News & more news-moreemail, smssubscribed");
  trouble.allow(/^console: Blocked script execution in '\S+\/u\//); // the test's own scripts
  await card.getByText("The unsubscribe page").click();
  const shown = card.frameLocator("iframe");
  await expect(shown.getByRole("checkbox", { name: "News & more" })).toBeChecked();
  expect(await axe(page)).toEqual([]);
  await shown.getByRole("button").click();
  await expect(shown.getByRole("status")).toBeVisible();

  await card.getByRole("button", { name: "Edit" }).click();
  await card.getByLabel("Name").fill("My news");
  await oneTopic(backend);
  trouble.allow(/^412 PUT /);
  await card.getByRole("button", { name: "Save" }).click();
  await expect(card.getByRole("alert")).toContainText("Someone else changed the topics in the meantime.");
  await expect(card.getByRole("alert")).toContainText("News news");
  expect(await axe(page)).toEqual([]);
  await card.getByRole("button", { name: "Take theirs" }).click();
  await expect(card.getByLabel("Name")).toHaveValue("News");
  await expect(card.getByText("Removed when you save"), "another admin removed News & more").toHaveCount(0);
  await card.getByRole("button", { name: "Add a topic" }).click();
  await card.getByLabel("Name").last().fill("Offers");
  await card.getByRole("button", { name: "Remove News" }).click();
  await expect(card.getByText("Removed when you save: News.")).toBeVisible();
  await card.getByLabel("Name").fill("News");
  await expect(card.getByText("Removed when you save"), "it gets the same id").toHaveCount(0);
  await card.getByLabel("Name").fill("The news");
  await card.getByRole("button", { name: "Save" }).click();
  await expect(card.getByRole("row").nth(1)).toHaveText("The news the-newsemailnot subscribed");
});

test("others read the topics, and do not edit them", async ({ enter, backend }) => {
  await oneTopic(backend);
  const page = await enter("#/settings", { role: "viewer" });
  const card = page.getByRole("region", { name: "Topics" });
  await expect(card.getByRole("row")).toHaveCount(2);
  await expect(card.getByRole("button")).toHaveCount(0);
});
