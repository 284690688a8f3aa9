import { axe, expect, test } from "./lib";

test("someone signs in at the issuer's page, and out again", async ({ page, signIn }) => {
  await page.goto("/#/no/such/page?q=a");
  await expect(page.getByRole("heading", { name: "Sign in", level: 1 })).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await signIn(page, { name: "Ada Lovelace", role: "editor" });

  await expect(page, "the sign-in comes back to the place where it began").toHaveURL(/\/#\/no\/such\/page\?q=a$/);
  await page.getByRole("button", { name: /^Ada Lovelace, editor, tenant test-/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("a sign-in that is canceled says so and can begin again", async ({ page }) => {
  await page.goto("/");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("alert")).toContainText("the user canceled");
  await expect(page.getByRole("button", { name: "Sign in" })).toBeEnabled();
});

test("the role of systems cannot use the console", async ({ enter }) => {
  const page = await enter("#/", { role: "ingest" });
  await expect(page.getByRole("heading", { name: "This account is for systems" })).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.getByRole("button", { name: "Use another account" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("an unknown address leads back to the journeys, past the bars by the first Tab", async ({ enter }) => {
  const page = await enter("#/nowhere/at/all");
  await expect(page.getByRole("heading", { name: "There is no such page" })).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/#\/$/);
});

test("an expired token is renewed unseen", async ({ enter, page, trouble }) => {
  trouble.allow(/^401 GET \/api\/v1\//);
  const renewals: string[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/token")) renewals.push(request.postData() ?? "");
  });
  const answer = page.waitForResponse((response) => response.url().includes("/api/v1/") && response.ok());
  await enter("#/settings", { lifetime: -60 });
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect.poll(() => renewals).toEqual([expect.stringContaining("grant_type=refresh_token")]);
  await answer;
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("a session that cannot be renewed ends over the page, and goes on after a sign-in", async ({
  enter,
  signIn,
  trouble,
}) => {
  trouble.allow(/^401 GET \/api\/v1\//);
  const page = await enter("#/settings", { lifetime: -60, renewable: false });
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await expect(dialog).toBeVisible();
  expect(await axe(page)).toEqual([]);
  for (let n = 0; n < 3; n++) await page.keyboard.press("Escape");
  await expect(dialog, "there is nothing to do without a session").toBeVisible();

  await signIn(page);
  await expect(page).toHaveURL(/\/#\/settings$/);
  await expect(page.getByRole("button", { name: /^Ada Admin/ })).toBeVisible();
  await expect(dialog).toHaveCount(0);
});
