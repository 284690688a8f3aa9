import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import { axe, expect, must, oneMessage, test, welcome } from "./lib";

const row = (page: Page, name: string) =>
  page.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });

/** Chooses an entry of a journey's menu. */
async function choose(page: Page, name: string, entry: string) {
  await page.getByRole("button", { name: `More about ${name}`, exact: true }).click();
  await page.getByRole("menuitem", { name: entry }).click();
}

test("an editor finds journeys by name, status and order, with the keyboard alone", async ({ backend, enter }) => {
  const { id } = await backend.launch({
    name: "Welcome series",
    entryCondition: { event: "signup" },
    definition: welcome,
  });
  await backend.enroll(id, "anna", "ben");
  await backend.create({ name: "Birthday" });
  await backend.create({ name: "Abandoned cart", definition: welcome });
  await backend.untilFigures(id, { enrollments: { active: 2 } });

  const page = await enter("#/", { role: "editor" });
  await expect(page.getByText("3 journeys, 2 people inside")).toBeVisible();
  await expect(row(page, "Welcome series")).toContainText(/Event signup.*Active.*v1.*20.*2/);
  await expect(row(page, "Birthday")).toContainText(/Draft.*Not launched yet/);
  await expect(page.getByRole("radio", { name: /^Draft/ })).toHaveText("Draft2");
  expect(await axe(page)).toEqual([]);

  await page.getByRole("button", { name: "Name" }).press("Enter");
  await expect(page.locator("[data-row]")).toHaveText(["Abandoned cart", "Birthday", "Welcome series"]);
  await page.keyboard.press("/");
  await page.keyboard.type("CART");
  await expect(page.locator("[data-row]")).toHaveText(["Abandoned cart"]);
  await expect(page.getByText("1 journey found")).toBeVisible();
  await expect(page).toHaveURL(/#\/\?sort=name&q=CART$/);
  await page.getByLabel("Find by name").fill("nothing like this");
  await page.getByRole("button", { name: "Show all journeys" }).press("Enter");
  await expect(page.locator("[data-row]")).toHaveCount(3);

  await page.getByRole("radio", { name: /^All/ }).press("ArrowRight");
  await expect(page.locator("[data-row]")).toHaveText(["Welcome series"]);
  await page.getByRole("radio", { name: /^Active/ }).press("ArrowLeft");
  await expect(page.locator("[data-row]")).toHaveCount(3);
  await page.getByRole("main").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("link", { name: "Birthday" })).toBeFocused();
  await page.keyboard.press("e");
  await expect(page).toHaveURL(/#\/journeys\/jrn_\w+\/build/);
});

test("failed people are seen from the list, which leads to them", async ({ backend, enter }) => {
  const { id } = await backend.launch({ name: "Receipts", definition: oneMessage("email") });
  await backend.create({ name: "Other" });
  await backend.customer("carl", { email: "carl@refused.example" });
  await backend.enroll(id, "carl");
  await backend.untilFigures(id, { enrollments: { failed: 1 } });

  const page = await enter();
  await page.getByRole("button", { name: "1 failed", exact: true }).click();
  await expect(page.locator("[data-row]")).toHaveText(["Receipts"]);
  await expect(page.getByRole("button", { name: "Failed only" })).toHaveAttribute("aria-pressed", "true");
  await page.getByRole("link", { name: "1 failed in Receipts" }).click();
  await expect(page).toHaveURL(new RegExp(`#/journeys/${id}/people\\?status=failed`));
});

test("a journey is paused, resumed, copied, archived, brought back and deleted", async ({ backend, enter }) => {
  const { id } = await backend.launch({ name: "Welcome", definition: welcome });
  await backend.enroll(id, "anna");
  await backend.untilFigures(id, { enrollments: { active: 1 } });
  const page = await enter();
  await choose(page, "Welcome", "Pause");
  await expect(row(page, "Welcome")).toContainText("Paused");
  await choose(page, "Welcome", "Resume");
  await expect(row(page, "Welcome")).toContainText("Active");

  await choose(page, "Welcome", "Duplicate");
  await expect(row(page, "Welcome copy")).toContainText("Draft");
  await expect(page.getByRole("link", { name: "Welcome copy" })).toBeFocused();

  await choose(page, "Welcome", "Archive…");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("1 person is inside. They leave the journey now");
  expect(await axe(page)).toEqual([]);
  await dialog.getByRole("button", { name: "Archive" }).click();
  await expect(row(page, "Welcome")).toContainText("Archived");
  await choose(page, "Welcome", "Back to paused");
  await expect(row(page, "Welcome")).toContainText("Paused");

  await choose(page, "Welcome copy", "Delete…");
  await dialog.getByLabel("Name of the journey").fill("welcome copy");
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("button", { name: "Delete" }), "the name is not quite right").toHaveAttribute(
    "aria-disabled",
    "true",
  );
  expect(await axe(page)).toEqual([]);
  await dialog.getByLabel("Name of the journey").fill("Welcome copy");
  await page.keyboard.press("Enter");
  await expect(page.locator("[data-row]")).toHaveText(["Welcome"]);
  await expect(dialog).toHaveCount(0);
});

test("a copy of a journey that was never launched has the steps of its draft", async ({ backend, enter }) => {
  const { id } = await backend.create({ name: "Unfinished" });
  must(
    await backend.api.PUT("/journeys/{id}/draft", {
      params: { path: { id }, header: { "If-None-Match": "*" } },
      body: { definition: welcome as object as Record<string, unknown> },
    }),
  );
  const page = await enter();
  await choose(page, "Unfinished", "Duplicate");
  await page.getByRole("link", { name: "Unfinished copy" }).click();
  await expect(page.locator("#main [data-step]").filter({ hasText: "Has bought?" })).toBeVisible();
});

test("a change that someone else made meanwhile stops a deletion until it was seen", async ({
  backend,
  enter,
  trouble,
}) => {
  trouble.allow(/^412 DELETE/);
  const { id } = await backend.create({ name: "Draft of mine" });
  const page = await enter();
  await choose(page, "Draft of mine", "Delete…");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name of the journey").fill("Draft of mine");
  await backend.change(id, { name: "Draft of ours" });
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("alert")).toContainText("changed meanwhile");
  await expect(dialog.getByRole("heading", { name: "Delete Draft of ours?" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(row(page, "Draft of ours")).toBeVisible();
});

test("what cannot be done is said in its row and can be repeated; a lost answer makes no second copy", async ({
  backend,
  enter,
  trouble,
}) => {
  trouble.allow(/^409 PUT/, /^net::ERR_\w+ POST/);
  await backend.launch({ name: "Welcome", definition: welcome });
  const page = await enter();
  await page.route("**/api/v1/journeys/*", (route) =>
    route.request().method() === "PUT"
      ? route.fulfill({
          status: 409,
          json: { title: "no", code: "too-many", detail: "Not just now.", requestId: "req-7" },
        })
      : route.continue(),
  );
  await choose(page, "Welcome", "Pause");
  const failure = page.getByRole("alert").filter({ hasText: "Welcome could not be paused" });
  await expect(failure).toContainText("Not just now.");
  await failure.getByText("For support").click();
  await expect(failure).toContainText("req-7");
  expect(await axe(page)).toEqual([]);
  await page.unroute("**/api/v1/journeys/*");
  await failure.getByRole("button", { name: "Try again" }).click();
  await expect(row(page, "Welcome")).toContainText("Paused");
  await expect(failure).toHaveCount(0);

  let lost = 0;
  await page.route("**/api/v1/journeys", async (route) => {
    if (route.request().method() !== "POST" || lost++ > 0) return route.fallback();
    await route.fetch(); // the API does it, and the answer never comes
    return route.abort();
  });
  await choose(page, "Welcome", "Duplicate");
  await expect(page.locator("[data-row]")).toHaveText(["Welcome copy", "Welcome"]);
  expect(lost).toBeGreaterThan(1);
});

const tricky = `{
  "name": "Tricky",
  "description": "Zeros and \\"quotes\\", ü and \\u2028.",
  "maxDurationDays": 7,
  "definition": {
    "nodes": [
      {
        "id": "start",
        "type": "entry_trigger",
        "config": {
          "condition": {
            "field": "id",
            "operator": "eq",
            "value": 9007199254740993
          }
        }
      },
      {
        "id": "send",
        "type": "channel_action",
        "config": {
          "channel": "email",
          "payload": {
            "b": 1.0,
            "a": -0.10,
            "big": 123456789012345678901234567890,
            "e": 1E+2
          }
        },
        "unknown": {
          "kept": [null, true, 18446744073709551615]
        }
      }
    ],
    "edges": []
  }
}
`;

test("a journey goes out as a file and in again without a changed byte", async ({ enter }) => {
  const page = await enter();
  await page.getByRole("button", { name: "Import" }).click();
  const dialog = page.getByRole("dialog", { name: "Import a journey" });
  await dialog.getByLabel("JSON", { exact: true }).fill(tricky);
  await dialog.getByRole("button", { name: "Import", exact: true }).click();
  await expect(page).toHaveURL(/#\/journeys\/jrn_\w+\/build/);

  const exported = async () => {
    await page.goto("/#/");
    const file = page.waitForEvent("download");
    await choose(page, "Tricky", "Export as JSON");
    const text = await readFile(await (await file).path(), "utf8");
    await choose(page, "Tricky", "Delete…");
    await page.getByLabel("Name of the journey").fill("Tricky");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    return text;
  };
  const first = await exported();
  for (const number of [
    "9007199254740993",
    "123456789012345678901234567890",
    "18446744073709551615",
    "1.0",
    "-0.10",
    "1E+2",
  ]) {
    expect(first).toContain(number);
  }
  await page.getByRole("button", { name: "Import" }).click();
  const name = "tricky.json";
  await page
    .getByLabel("Choose a file…")
    .setInputFiles({ name, mimeType: "application/json", buffer: Buffer.from(first) });
  await dialog.getByRole("button", { name: "Import", exact: true }).click();
  await expect(page).toHaveURL(/#\/journeys\/jrn_\w+\/build/);
  expect(await exported()).toBe(first);
});

test("faults of an import are shown at their lines", async ({ backend, enter, trouble }) => {
  trouble.allow(/^400 POST/);
  await backend.create({ name: "Other" });
  const page = await enter();
  await page.getByRole("button", { name: "Import" }).click();
  const dialog = page.getByRole("dialog");
  const field = dialog.getByLabel("JSON", { exact: true });
  const run = dialog.getByRole("button", { name: "Import", exact: true });
  await field.fill('{\n  "name": "A",\n  "definition": {"nodes": [}\n}');
  await run.click();
  await expect(dialog.getByRole("button", { name: "Line 3" })).toBeVisible();
  await field.fill(
    '{\n  "nodes": [\n    {"id": "a", "type": "exit"},\n    {"id": "a", "type": "wait"}\n  ],\n  "edges": []\n}',
  );
  await run.click();
  await dialog
    .getByRole("button", { name: /^Line 4/ })
    .first()
    .click();
  await expect(field).toBeFocused();
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
});

test("the first journey begins with an example", async ({ enter }) => {
  const page = await enter();
  await expect(page.getByRole("heading", { name: "Start with one of these, and change what you like." })).toBeVisible();
  await expect(page.getByRole("button", { name: /steps, / })).toHaveCount(3);
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press("n");
  const dialog = page.getByRole("dialog", { name: "New journey" });
  await expect(dialog.getByLabel("Name", { exact: true })).toBeFocused();
  await expect(dialog.getByRole("button", { name: /steps?, / })).toHaveCount(10);
  expect(await axe(page)).toEqual([]);
  await dialog.getByLabel("Name", { exact: true }).fill("My cart");
  await dialog.getByRole("button", { name: /^Abandoned cart/ }).click();
  await expect(page).toHaveURL(/#\/journeys\/jrn_\w+\/build/);
  await page.goto("/#/");
  await expect(row(page, "My cart")).toContainText("Event cart_updated");
});

test("a viewer sees the figures alone, and what they lead to", async ({ backend, enter }) => {
  const { id } = await backend.launch({ name: "Welcome", definition: welcome });
  const calls: string[] = [];
  const page = await enter("#/settings", { role: "viewer" });
  await expect(page.getByRole("heading", { name: "Limits" })).toBeVisible();
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/api/")) calls.push(pathname);
  });
  await page.getByRole("link", { name: "Journeys" }).last().click();
  await expect(row(page, "Welcome")).toContainText("Active");
  expect([...new Set(calls)]).toEqual(["/api/v1/analytics"]);
  for (const verb of ["Import", "New journey", "More about Welcome"]) {
    await expect(page.getByRole("button", { name: verb })).toHaveCount(0);
  }
  await expect(page.getByRole("link", { name: "Customers" })).toHaveCount(0);
  expect(await axe(page)).toEqual([]);
  await page.getByRole("link", { name: "Welcome", exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`#/journeys/${id}/live`));
});

test("a phone shows the figures and the places at the bottom, and no building", async ({ backend, enter, page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await backend.launch({ name: "Welcome", definition: welcome });
  await enter();
  await expect(row(page, "Welcome")).toContainText("Active");
  await expect(page.getByRole("button", { name: "New journey" })).toBeHidden();
  await expect(page.getByRole("navigation", { name: "Places" }).getByRole("link", { name: "Journeys" })).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  expect(await axe(page)).toEqual([]);
  await choose(page, "Welcome", "Pause");
  await expect(row(page, "Welcome")).toContainText("Paused");
});
