import { readFile } from "node:fs/promises";
import type { Graph } from "../src/graph/types";
import { axe, expect, must, test } from "./lib";

const first: Graph = {
  nodes: [
    { id: "start", type: "entry_trigger", config: { eventType: "cart_updated" } },
    { id: "wait", type: "wait", label: "Time to buy", config: { delayHours: 4 } },
    { id: "day", type: "wait", label: "A day more", config: { delayHours: 24 } },
    { id: "done", type: "exit", label: "Done" },
  ],
  edges: [
    { source: "start", target: "wait" },
    { source: "wait", target: "day" },
    { source: "day", target: "done" },
  ],
};
const second: Graph = {
  nodes: [
    { id: "start", type: "entry_trigger", config: { eventType: "cart_updated" } },
    { id: "wait", type: "wait", label: "Time to buy", config: { delayHours: 2 } },
    { id: "mail", type: "channel_action", label: "Remind", config: { channel: "email", templateId: "cart" } },
    { id: "done", type: "exit", label: "Done" },
  ],
  edges: [
    { source: "start", target: "wait" },
    { source: "wait", target: "mail" },
    { source: "mail", target: "done" },
  ],
};

test("what differs between two versions is shown on one graph and in words", async ({ backend, enter, page }) => {
  const { id } = await backend.launch({
    name: "Cart",
    definition: first,
    goal: { eventType: "purchase", windowDays: 3 },
  });
  await backend.change(id, { definition: second, goal: { eventType: "purchase", windowDays: 7 } });
  await enter(`#/journeys/${id}/versions`);
  await expect(page.getByText("1 added, 1 removed, 1 changed, 1 setting")).toBeVisible();

  const differs = page.getByRole("complementary", { name: "What differs" });
  await expect(differs.getByRole("listitem")).toHaveText([
    /^Time to buy.*changed.*Waits.*4 hours.*2 hours$/,
    /^Remind.*added.*Comes after Time to buy$/,
    /^A day more.*removed.*Stood between Time to buy and Done$/,
    /^Goal of the journey.*changed.*Window.*3 days.*7 days$/,
  ]);
  const marks = { start: "the same", wait: "changed", mail: "added", day: "removed", done: "the same" };
  for (const [step, mark] of Object.entries(marks)) {
    await expect(page.locator(`[data-step="${step}"]`)).toHaveAccessibleName(new RegExp(mark));
  }
  await expect(page.locator(".edge--removed")).toHaveCount(2);
  await expect(page.locator(".edge--added")).toHaveCount(2);
  expect(await axe(page)).toEqual([]);

  await page.getByRole("button", { name: "Swap" }).click();
  await expect(page.getByText("Version 2 to version 1")).toBeVisible();
  await expect(page.locator('[data-step="day"]')).toHaveAccessibleName(/added/);

  const history = page.getByRole("region", { name: "History" });
  await expect(history.getByRole("listitem")).toContainText([
    "changed the steps, the goal",
    "launched or resumed it",
    "created the journey",
  ]);
});

test("an old version is exported, and restored as a draft that moves no one", async ({ backend, enter, page }) => {
  const { id } = await backend.launch({ name: "Cart", definition: first });
  await backend.change(id, { definition: second });
  await enter(`#/journeys/${id}/versions`);
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export version 1" }).click();
  const file = await saved;
  expect(file.suggestedFilename()).toBe("Cart, version 1.json");
  expect(JSON.parse(await readFile(await file.path(), "utf8"))).toMatchObject({ name: "Cart", definition: first });

  await page.getByRole("button", { name: "Restore version 1…" }).click();
  await expect(page).toHaveURL(new RegExp(`#/journeys/${id}/build`));
  const draft = () => backend.api.GET("/journeys/{id}/draft", { params: { path: { id } } });
  await expect.poll(async () => (await draft()).data?.definition).toEqual(first);
  expect(must(await backend.api.GET("/journeys/{id}", { params: { path: { id } } })).definition).toEqual(second);

  await page.goto(`/#/journeys/${id}/versions`);
  const list = page.getByRole("complementary", { name: "Versions" });
  await expect(list.getByRole("button", { name: /^A Version 2/, pressed: true })).toBeVisible();
  await expect(list.getByRole("button", { name: /^B Draft/, pressed: true })).toBeVisible();
  await list.getByRole("button", { name: /Version 1/ }).click();
  await expect(page.getByText("These two run and look alike.").first()).toBeVisible();
  await expect(page.getByRole("button", { name: /^Restore version 1…/ })).toBeDisabled();

  await page.getByRole("radio", { name: "One" }).click();
  await expect(page.getByRole("complementary", { name: "Draft" })).toBeVisible();
});
