import type { Page } from "@playwright/test";
import { axe, expect, oneMessage, test, welcome } from "./lib";

const refused = "nobody@refused.example"; // the local inbox refuses it for good
const reason = "The message could not be sent";

const people = (id: string, rest = "") => `#/journeys/${id}/people${rest}`;
const rowOf = (page: Page, customer: string) => page.getByRole("row").filter({ hasText: customer });

test("someone who failed is found, mended, retried, and goes on", async ({ enter, backend }) => {
  const { id } = await backend.launch({ name: "Hello", definition: oneMessage("email") });
  await backend.customer("ann", { email: refused, firstName: "Ann", loyalty: { points: 7 } });
  await backend.customer("bob", { email: "bob@example.com" });
  await backend.enroll(id, "ann", "bob");
  await backend.untilFigures(id, { enrollments: { failed: 1, completed: 1 } });

  const page = await enter(people(id));
  await page.getByRole("button", { name: "Failed 1" }).click();
  await expect(rowOf(page, "ann")).toContainText(reason);
  await page.getByRole("link", { name: "ann" }).click();
  const panel = page.getByRole("complementary", { name: "The way of ann" });
  await expect(panel.getByRole("listitem").filter({ hasText: "Send" })).toContainText(`Failed: ${reason}`);
  await expect(panel).toContainText("loyalty.points");
  expect(await axe(page)).toEqual([]);

  await panel.getByRole("link", { name: "Edit" }).click();
  await page.getByRole("button", { name: "Edit" }).click();
  await page
    .getByRole("textbox", { name: "Attributes as JSON" })
    .fill('{"email": "ann@example.com", "firstName": "Ann"}');
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("region", { name: "Attributes" })).toContainText("ann@example.com");
  await page.getByRole("link", { name: "Hello" }).click();

  await panel.getByRole("button", { name: "Retry" }).click();
  await expect(panel).toContainText("Finished");
  await expect(panel.getByRole("listitem").filter({ hasText: "Send" })).toContainText("Sent");
  await page.keyboard.press("Escape");
  await expect(panel).toHaveCount(0);
  await page.getByRole("button", { name: "Failed 0" }).click();
  await expect(page.getByRole("heading", { name: "No one is stuck" })).toBeVisible();
});

test("many are retried and taken out, with progress and a verdict on each", async ({ enter, backend }) => {
  const ids = Array.from({ length: 9 }, (_, i) => `cus-${i + 1}`);
  const { id } = await backend.launch({ name: "Bulk", definition: oneMessage("email") });
  await Promise.all(ids.map((customer) => backend.customer(customer, { email: refused })));
  await backend.enroll(id, ...ids);
  await backend.untilFigures(id, { enrollments: { failed: 9 } });
  await Promise.all(ids.slice(0, 3).map((customer) => backend.customer(customer, { email: "well@example.com" })));

  const page = await enter(people(id, "?step=send&status=failed"));
  await expect(page.getByRole("group", { name: "Why" })).toContainText(`${reason} 9`);
  await page.getByRole("button", { name: "Choose all 9" }).click();
  await page.getByRole("button", { name: "Retry 9" }).click();
  await expect(page.getByRole("status").filter({ hasText: "9 of 9" })).toContainText(
    "9 retried, 3 went on, 6 failed again",
  );
  await expect(rowOf(page, "cus-1")).toContainText("Went on");
  await expect(rowOf(page, "cus-9")).toContainText("Failed again");
  expect(await axe(page)).toEqual([]);
  await page.getByRole("button", { name: "Close" }).click();

  await expect(page.getByRole("button", { name: "Failed 6" })).toBeVisible();
  await page.getByRole("checkbox", { name: "cus-9" }).click();
  await page.getByRole("button", { name: "Take out…" }).click();
  await expect(page.getByRole("group", { name: "Take out 1 person?" })).toContainText("They cannot come in again");
  await page.getByRole("button", { name: "Keep them" }).click();
  await page.getByRole("checkbox", { name: "Choose all 6" }).click();
  await page.getByRole("button", { name: "Take out…" }).click();
  await page.getByRole("button", { name: "Take out 6" }).click();
  await expect(page.getByRole("status").filter({ hasText: "6 of 6" })).toContainText("6 taken out");
  await page.getByRole("button", { name: "Close" }).click();
  await expect(page.getByRole("heading", { name: "No one is stuck" })).toBeVisible();
  expect((await backend.figures(id)).enrollments.total).toBe(9);
});

test("a person's way is drawn on the version that they follow", async ({ enter, backend }) => {
  const { id, definition } = await backend.launch({ name: "Welcome", definition: welcome });
  await backend.customer("ann", { email: "ann@example.com" });
  await backend.enroll(id, "ann");
  await backend.untilFigures(id, { enrollments: { active: 1 } });
  const nodes = (definition.nodes ?? []).map((node) =>
    node.id === "pause" ? { ...node, config: { delayHours: 1 } } : node,
  );
  await backend.change(id, { definition: { ...definition, nodes } });

  const page = await enter(people(id));
  await page.getByRole("searchbox", { name: "A person’s exact id" }).fill("ann");
  await page.keyboard.press("Enter");
  const panel = page.getByRole("complementary", { name: "The way of ann" });
  await expect(panel).toContainText("Version 1, first run");
  await expect(panel).toContainText("in 1 day 23 hr");
  await panel.getByRole("link", { name: "On the graph" }).click();
  const graph = page.getByRole("region", { name: "The way of ann" });
  await expect(graph).toContainText("Greet");
  expect(await axe(page)).toEqual([]);
  await panel.getByRole("button", { name: "Take out…" }).click();
  await panel.getByRole("button", { name: "Take out 1" }).click();
  await expect(panel).toContainText("Taken out");
  await expect(panel.getByRole("link", { name: "Simulate from here" })).toHaveAttribute("href", /customer=ann$/);
});

test("people are enrolled from a file, with a verdict on each", async ({ enter, backend, trouble }) => {
  const { id } = await backend.launch({ name: "Invite", definition: welcome });
  await backend.enroll(id, "old");
  const page = await enter(people(id));
  await page.getByRole("button", { name: "Enroll…" }).click();
  const dialog = page.getByRole("dialog", { name: "Enroll people in Invite" });
  await dialog.getByLabel("Choose a file…").setInputFiles({
    name: "people.csv",
    mimeType: "text/csv",
    buffer: Buffer.from('\uFEFFcustomerId;email;orders\r\nnew;"new@example.com";3\r\nold;;\r\n;x@example.com;1\r\n'),
  });
  await dialog.getByRole("radio", { name: "Attributes of the person" }).click();
  await expect(dialog.getByRole("region", { name: "Lines with faults" })).toContainText("Line 4 has no id.");
  expect(await axe(page)).toEqual([]);

  // The first answer is lost: the call is repeated with its key, and "new" stays enrolled by it.
  trouble.allow(/^net::ERR_FAILED POST \S+\/enroll$/);
  let lost = 0;
  await page.route("**/enroll?*", async (route) => {
    if (lost++ > 0) return route.continue();
    await route.fetch();
    return route.abort();
  });
  await dialog.getByRole("button", { name: "Enroll 2" }).click();
  await expect(dialog.getByRole("row").filter({ hasText: "new" })).toContainText("Enrolled");
  await expect(dialog.getByRole("row").filter({ hasText: "old" })).toContainText("Is inside already");
  const download = page.waitForEvent("download");
  await dialog.getByRole("button", { name: "Download as CSV" }).click();
  expect((await download).suggestedFilename()).toBe("enrolled.csv");
  await dialog.getByRole("radio", { name: "Skipped 1" }).click();
  await expect(dialog.getByRole("row")).toHaveCount(2);
  expect(await axe(page)).toEqual([]);
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("link", { name: "new" }).click();
  await expect(page.getByRole("complementary")).toContainText("new@example.com");
});

test("an exact id that is not inside, a draft, a deleted journey and a viewer are told what is so", async ({
  enter,
  backend,
  enterElsewhere,
  trouble,
}) => {
  trouble.allow(/^404 GET /);
  const { id } = await backend.create({ name: "Draft", definition: welcome });
  const page = await enter(people(id, "/no%20one"));
  await expect(page.getByText("This person is not in this journey")).toBeVisible();
  await expect(page.getByRole("heading", { name: "No one is inside" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Enroll…" })).toHaveAttribute("aria-disabled", "true");
  await page.goto(`/${people("jrn_01JD0000000000000000000000")}`);
  await expect(page.getByRole("heading", { level: 2 })).toBeVisible();

  const viewer = await enterElsewhere(people(id), { role: "viewer" });
  await expect(viewer.getByRole("heading", { name: "Your role sees figures only" })).toBeVisible();
});
