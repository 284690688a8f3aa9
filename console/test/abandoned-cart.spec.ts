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

/** Closes the form of a step. */
async function leave(page: Page, name: string): Promise<void> {
  await page.keyboard.press("Escape");
  await expect(step(page, name)).toBeFocused();
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
  await reach(page, step(page, "Entry"));
  await page.keyboard.press("Enter");
  await fill(page, /^Event/, "cart_updated");
  await leave(page, "Entry");
  await add(page, "Message", "m", "Reminder");
  await fill(page, "Channel", "email");
  await fill(page, "Subject", "Your cart waits");
  await leave(page, "Reminder");
  await add(page, "Condition", "c", "Worth an offer?");
  await press(page, page.getByRole("button", { name: "Add a line" }));
  await page.keyboard.type("event.total");
  await reach(page, page.getByLabel("Comparison"));
  await page.keyboard.type("at least");
  await fill(page, "Value", "100");
  await leave(page, "Worth an offer?");
  await add(page, "Message", "m", "Voucher");
  await fill(page, "Channel", "email");
  await fill(page, "Subject", "10 % off");
  await leave(page, "Voucher");
  await saved(page);

  // Simulate: two made-up people take both ways.
  await press(page, page.getByRole("link", { name: "Simulate" }).first());
  await press(page, page.getByRole("button", { name: "Make the first persona" }));
  await expect(page.getByRole("option", { name: /Persona 1/ })).toBeFocused();
  await press(page, page.getByRole("button", { name: /^Send one/ }).first());
  await expect(page.getByRole("status").filter({ hasText: "lines taken" })).toHaveText(/5 of 5/);
  await reach(page, page.getByRole("slider", { name: "Step", exact: true }));
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("complementary", { name: "Step" })).toContainText("Your cart waits");

  // Launch.
  await press(page, page.getByRole("link", { name: "Launch…" }));
  await expect(page.getByRole("heading", { name: "5 of 5 lines tried" })).toBeVisible();
  await press(page, page.getByRole("button", { name: "Launch", exact: true }));
  await expect(page).toHaveURL(/\/live$/);

  // The shop reports carts; one address is refused.
  await backend.customer("ann", { email: "ann@refused.example" });
  await backend.customer("bob", { email: "bob@example.com" });
  await backend.event("cart_updated", "ann", { total: 250 });
  await backend.event("cart_updated", "bob", { total: 20 });
  await expect(step(page, "Reminder")).toContainText("1 failed", { timeout: 40_000 });

  // Someone failed: found, mended, retried.
  await press(page, page.getByRole("link", { name: "Failed: see them" }));
  await press(page, page.getByRole("link", { name: "ann", exact: true }));
  const way = page.getByRole("complementary", { name: "The way of ann" });
  await expect(way).toContainText("The message could not be sent");
  await press(page, way.getByRole("link", { name: "Edit" }));
  await press(page, page.getByRole("button", { name: "Edit" }));
  await reach(page, page.getByRole("textbox", { name: "Attributes as JSON" }));
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText('{"email": "ann@example.com"}');
  await press(page, page.getByRole("button", { name: "Save" }));
  await expect(page.getByRole("region", { name: "Attributes" })).toContainText("ann@example.com");
  await press(page, page.getByRole("main").getByRole("link", { name: "Abandoned cart" }));
  await press(page, way.getByRole("button", { name: "Retry" }));
  await expect(way).toContainText("Finished");
  await backend.untilFigures(idOf(page), { enrollments: { total: 2, completed: 2, failed: 0 } });
});

function idOf(page: Page): string {
  return /jrn_\w+/.exec(page.url())?.[0] ?? "";
}
