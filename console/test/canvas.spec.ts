import type { Locator, Page } from "@playwright/test";
import type { Graph } from "../src/graph/types";
import { axe, expect, largest, test, welcome } from "./lib";

const step = (page: Page, name: string | RegExp): Locator =>
  page.locator("#main [data-step]").filter({ hasText: name });

/** The middle of what a locator finds. */
async function middleOf(locator: Locator): Promise<{ x: number; y: number }> {
  const box = await locator.boundingBox();
  if (!box) throw new Error("it is not drawn");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Drags from one point to another by mouse. */
async function drag(page: Page, from: { x: number; y: number }, to: { x: number; y: number }, drop = true) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 5 });
  if (drop) await page.mouse.up();
}

test("steps are dropped on lines, and ways are dragged to other steps, but not in a circle", async ({
  enter,
  backend,
}) => {
  const { id } = await backend.create({ name: "By mouse", definition: welcome });
  const page = await enter(`#/journeys/${id}/build`);
  const plus = page.getByRole("button", { name: "Add a step between Entry and Greet" });
  const item = page.getByRole("navigation", { name: "Steps to add" }).getByRole("button", { name: "Update" });
  await drag(page, await middleOf(item), await middleOf(plus));
  await expect(page.getByRole("button", { name: "Add a step between Update and Greet" })).toBeVisible();

  const offer = step(page, "Offer");
  await offer.hover();
  const port = offer.locator("xpath=..").locator(".port");
  await drag(page, await middleOf(port), await middleOf(step(page, "Update")), false);
  await expect(page.getByText("Then they would walk in a circle, back to Offer.")).not.toHaveCount(0);
  await page.mouse.up();
  await expect(offer).toHaveAccessibleName(/Leads to Exit\.$/);

  await drag(page, await middleOf(port), await middleOf(step(page, "Is a customer")));
  await expect(offer).toHaveAccessibleName(/Leads to Is a customer\.$/);
});

test("the graph is one stop of the Tab key, and arrows lead along it", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "By keys", definition: welcome });
  const page = await enter(`#/journeys/${id}/versions`);
  await step(page, "Entry").focus();
  for (const [key, name] of [
    ["ArrowDown", "Greet"],
    ["ArrowDown", "Wait"],
    ["ArrowDown", "Has bought?"],
    ["ArrowDown", "Is a customer"],
    ["ArrowRight", "Offer"],
    ["ArrowUp", "Has bought?"],
    ["ArrowDown", "Offer"],
    ["Home", "Entry"],
  ] as const) {
    await page.keyboard.press(key);
    await expect(step(page, name)).toBeFocused();
  }
  await page.keyboard.press("Tab");
  await expect(page.locator("[data-step]:focus")).toHaveCount(0);
  await page.keyboard.press("Shift+Tab");
  await expect(step(page, "Entry")).toBeFocused();

  await page.keyboard.press("+");
  const zoom = page.getByRole("group", { name: "Zoom" });
  await expect(zoom).toContainText("120%");
  await page.keyboard.press("0");
  await expect(zoom).toContainText("100%");
  const before = await middleOf(step(page, "Entry"));
  await page.keyboard.press("Shift+ArrowDown");
  await expect.poll(async () => (await middleOf(step(page, "Entry"))).y).toBeLessThan(before.y);
  await page.keyboard.press("f");
  await expect.poll(async () => (await middleOf(step(page, "Entry"))).y).toBe(before.y);
});

test("any definition is drawn: with a cycle, ways that lead nowhere, unknown and lost steps", async ({
  enter,
  backend,
}) => {
  const { id } = await backend.create({ name: "Half drawn", definition: halfDrawn });
  const page = await enter(`#/journeys/${id}/build`);
  await expect(step(page, "Leads nowhere")).toHaveCount(2);
  await expect(step(page, "Back to First")).toBeVisible();
  await expect(step(page, "On to Second")).toBeVisible();
  expect(await axe(page)).toEqual([]);

  await step(page, "Back to First").click();
  await expect(step(page, "First").first()).toHaveAttribute("aria-pressed", "true");
  await page.keyboard.press("o");
  await expect(page.locator(".outline")).toBeVisible();
  await expect(step(page, "Back to First")).toBeVisible();
  await step(page, "Entry").focus();
  await page.keyboard.press("ArrowDown");
  await expect(step(page, "First").first()).toBeFocused();
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await axe(page)).toEqual([]);
});

test("256 steps have a small map, and say less the further away they are", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "Largest", definition: largest() });
  const page = await enter(`#/journeys/${id}/versions`);
  await expect(page.locator("#main [data-step]")).toHaveCount(256);
  expect(await page.locator("*").count()).toBeLessThan(6500);
  await expect(page.locator(".minimap")).toBeVisible();
  const name = step(page, "Message 1").first().locator(".node-name");
  await expect(name).toBeHidden();
  await page.keyboard.press("0");
  await expect(name).toBeVisible();
});

const halfDrawn: Graph = {
  nodes: [
    { id: "start", type: "entry_trigger", config: { eventType: "signup" } },
    { id: "first", type: "wait", label: "First", config: { delayHours: 1 } },
    { id: "split", type: "condition_split", label: "Which one?" },
    { id: "second", type: "wait", label: "Second", config: { delayHours: 2 } },
    { id: "third", type: "wait", label: "Third", config: { delayHours: 3 } },
    { id: "lost", type: "wait", label: "Lost", config: { delayHours: 4 } },
    { id: "last", type: "channel_action", label: "Last" },
  ],
  edges: [
    { source: "start", target: "first" },
    { source: "first", target: "split" },
    { source: "split", sourceHandle: "true", target: "second" },
    { source: "second", target: "third" },
    { source: "third", target: "first" },
    { source: "lost", target: "second" },
  ],
};
