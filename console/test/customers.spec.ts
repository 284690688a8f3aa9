import { axe, expect, must, test, welcome } from "./lib";
import { oneTopic } from "./lib/consent";

test("a customer is found, and their attributes changed exactly and not over another's change", async ({
  enter,
  backend,
  trouble,
}) => {
  await backend.customer("ann", { email: "ann@example.com", cart: { items: [{ sku: "a" }, { sku: "b" }] } });
  const page = await enter("#/customers");
  await expect(page.getByRole("heading", { name: "Find a customer" })).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.getByRole("searchbox", { name: "Exact id" }).fill("ann");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("ann");
  await expect(page.getByRole("region", { name: "Attributes" })).toContainText("sku");

  await page.getByRole("button", { name: "Edit" }).click();
  const text = page.getByRole("textbox", { name: "Attributes as JSON" });
  await text.fill("[1]");
  await expect(page.getByText("Attributes are one JSON object").first()).toBeVisible();
  await text.fill('{"id": 12345678901234567890, "price": 12.50}');
  await backend.customer("ann", { email: "other@example.com" });
  trouble.allow(/^412 PUT /);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("other@example.com");
  expect(await axe(page)).toEqual([]);
  await page.getByRole("button", { name: "Replace theirs with mine" }).click();
  await expect(page.getByRole("region", { name: "Attributes" })).toContainText("12345678901234567890");
  await page.reload();
  await expect(page.getByRole("region", { name: "Attributes" })).toContainText("12.50");
});

test("an admin forgets a customer, whose figures stay", async ({ enter, backend, trouble }) => {
  const { id } = await backend.launch({ name: "Welcome", definition: welcome });
  await backend.customer("ann", { email: "ann@example.com" });
  await backend.enroll(id, "ann");
  await backend.untilFigures(id, { enrollments: { active: 1 } });
  const page = await enter("#/customers/ann");
  await expect(page.getByRole("region", { name: "Journeys" })).toContainText("Welcome");
  await page.getByRole("button", { name: "Forget…" }).click();
  const dialog = page.getByRole("dialog", { name: "Forget ann?" });
  await expect(dialog).toContainText("For 15 minutes");
  const forget = dialog.getByRole("button", { name: /^Forget/ });
  await expect(forget).toHaveAttribute("aria-disabled", "true");
  await dialog.getByRole("textbox", { name: "Type the id to confirm" }).fill("ann");
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Forgotten" })).toBeVisible();

  trouble.allow(/^404 GET /);
  await page.reload();
  await expect(page.getByText("None are stored under this id.")).toBeVisible();
  await expect(page.getByText("In none, now or before.")).toBeVisible();
  expect((await backend.figures(id)).enrollments.total).toBe(1);
});

test("an event that is sent by hand starts a journey", async ({ enter, backend }) => {
  await backend.launch({ name: "Signed up", definition: welcome });
  await backend.customer("ann", {});
  const page = await enter("#/customers/ann", { role: "editor" });
  await expect(page.getByRole("region", { name: "Attributes" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Forget…" })).toHaveCount(0);
  await page.getByText("Send an event").click();
  await page.getByRole("combobox", { name: "Event type" }).fill("signup");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await expect(page.getByText("It started 1 journey.")).toBeVisible();
  await expect(page.getByRole("link", { name: "Signed up" })).toBeVisible();
});

test("a viewer has no place for customers", async ({ enter, backend }) => {
  must(await backend.api.GET("/settings"));
  const page = await enter("#/customers/ann", { role: "viewer" });
  await expect(page.getByRole("heading", { name: "Your role sees figures only" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Customers" })).toHaveCount(0);
});

test("a person's subscriptions and addresses are seen and changed", async ({ enter, backend }) => {
  await oneTopic(backend);
  await backend.customer("ann", { email: "ann+news@example.com", phone: "+46701234567" });
  const page = await enter("#/customers/ann", { role: "editor" });
  const topics = page.getByRole("region", { name: "Subscriptions" });
  const news = topics.getByRole("switch", { name: "News" });
  await expect(news).toHaveAttribute("aria-checked", "true");
  await expect(topics).toContainText("They have not chosen yet, so they are subscribed.");
  await news.press("Enter");
  await expect(topics).toContainText("Unsubscribed ");
  await expect(news).toHaveAttribute("aria-checked", "false");
  await expect(news).toBeFocused();
  const stored = { params: { path: { customerId: "ann" } } };
  expect(must(await backend.api.GET("/customers/{customerId}/subscriptions", stored)).topics).toEqual({ news: false });

  const addresses = page.getByRole("region", { name: "Addresses" });
  await expect(addresses.getByText("Takes messages.")).toHaveCount(2);
  await addresses.getByRole("button", { name: "Suppress ann+news@example.com for email" }).click();
  await expect(addresses.getByText(/^Suppressed by hand/)).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await addresses.getByRole("button", { name: "Allow messages again…" }).click();
  const dialog = page.getByRole("dialog", { name: "Allow messages to ann+news@example.com again?" });
  await expect(dialog).toContainText("It was suppressed by hand.");
  expect(await axe(page)).toEqual([]);
  await dialog.getByRole("button", { name: "Allow messages" }).click();
  await expect(addresses.getByText("Takes messages.")).toHaveCount(2);
});
