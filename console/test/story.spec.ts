// The whole story without a mouse: a journey is made, built, simulated, launched, fed and watched, and someone
// who failed is found and helped. Every control is reached as a person reaches it: by Tab, arrows and shortcuts.
import type { Locator, Page } from "@playwright/test";
import { expect, test } from "./lib";

/** Presses Tab until a control has the focus. */
async function reach(page: Page, control: Locator, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  await expect(control).toBeVisible();
  for (let presses = 0; presses < 120; presses++) {
    if (await control.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${control} is not reached by ${key}`);
}

async function press(page: Page, control: Locator): Promise<void> {
  await reach(page, control);
  await page.keyboard.press("Enter");
}

async function fill(page: Page, label: string | RegExp, text: string): Promise<void> {
  const field = page.getByLabel(label, typeof label === "string" ? { exact: true } : {});
  await reach(page, field);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(text);
}

const step = (page: Page, name: string) => page.locator("#main [data-step]").filter({ hasText: name });
const saved = (page: Page) => expect(page.getByRole("status").filter({ hasText: /^Saved / })).toBeVisible();

/** Adds a step after the focused one, and names it in its form. */
async function add(page: Page, kind: string, letter: string, name: string): Promise<void> {
  await page.keyboard.press("a");
  await expect(page.getByRole("menuitem", { name: "Message" })).toBeFocused();
  await page.keyboard.press(letter);
  await expect(page.getByRole("menuitem", { name: kind })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(step(page, kind)).toBeFocused();
  await page.keyboard.press("Enter");
  await fill(page, "Name", name);
}

test("the whole story without a mouse", async ({ enter, backend, page }) => {
  test.setTimeout(120_000);
  await enter("");
  await expect(page.getByRole("heading", { name: /Start with one of these/ })).toBeVisible();
  await page.keyboard.press("n");
  await fill(page, "Name", "Abandoned cart");
  await press(page, page.getByRole("dialog").getByRole("button", { name: "Empty journey" }));

  // Build.
  await press(page, page.getByRole("button", { name: "Add the entry" }));
  await expect(step(page, "Entry")).toBeFocused();
  await page.keyboard.press("Enter");
  await fill(page, /^Event/, "cart_updated");
  await page.keyboard.press("Escape");
  await expect(step(page, "Entry")).toBeFocused();
  await add(page, "Message", "m", "Reminder");
  await fill(page, "Channel", "email");
  await fill(page, "Subject", "Your cart waits");
  await page.keyboard.press("Escape");
  await expect(step(page, "Reminder")).toBeFocused();
  await add(page, "Condition", "c", "Worth an offer?");
  await fill(page, /^Field/, "event.total");
  await page.keyboard.press("Escape");
  await saved(page);
});
