import type { Locator, Page } from "@playwright/test";
import { parse } from "../src/json";
import { axe, expect, must, test, welcome } from "./lib";

const step = (page: Page, name: string | RegExp): Locator =>
  page.locator("#main [data-step]").filter({ hasText: name });
const names = (page: Page) => page.locator("#main .node-name").allTextContents();
const saved = (page: Page) => expect(page.getByRole("status").filter({ hasText: /^Saved / })).toBeVisible();
const panel = (page: Page) => page.locator(".panel--end");

test("a journey is built from nothing by mouse", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "From nothing" });
  const page = await enter(`#/journeys/${id}/build`);
  await expect(page.getByRole("heading", { name: "Begin with who enters" })).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.getByRole("button", { name: "Add the entry" }).click();
  await page.getByRole("button", { name: /^Add a step between Entry and Exit/ }).click();
  await page.getByRole("menuitem", { name: "Condition" }).click();
  await expect(page.getByRole("complementary", { name: "Condition: Condition" })).toBeVisible();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Worth an offer?");
  await saved(page);

  const fault = page.getByRole("button", { name: "No condition is set." });
  await expect(fault).toBeVisible();
  await expect(step(page, "Worth an offer?")).toHaveAccessibleName(/1 fault/);
  await expect(page.getByRole("button", { name: "Launch…" })).toHaveAttribute("aria-disabled", "true");
  expect(await axe(page)).toEqual([]);

  // A split asks which way stays; only its false side had an exit of its own.
  await page.getByRole("button", { name: /^Delete/ }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /^yes, to Exit/ })
    .click();
  await expect(fault).toHaveCount(0);
  expect(await names(page)).toEqual(["Entry", "Exit"]);
  await page.getByRole("button", { name: "Undo: deleted Worth an offer? (Ctrl Z)" }).click();
  await expect(step(page, "Worth an offer?")).toBeVisible();
});

test("a journey is built by keyboard alone", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "By keyboard" });
  const page = await enter(`#/journeys/${id}/build`);
  await page.getByRole("button", { name: "Add the entry" }).press("Enter");
  await expect(step(page, "Entry")).toBeFocused();
  await page.keyboard.press("a");
  await expect(page.getByRole("menuitem", { name: "Message" })).toBeFocused();
  await page.keyboard.press("w");
  await page.keyboard.press("Enter");
  await expect(step(page, "Wait")).toBeFocused();
  await page.keyboard.press("a");
  await page.keyboard.press("u");
  await page.keyboard.press("Enter");
  await expect(step(page, "Update")).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(step(page, "Wait")).toBeFocused();
  await page.keyboard.press("d");
  await expect(step(page, "Wait")).toHaveCount(0);
  await page.keyboard.press("Control+z");
  await expect(step(page, "Wait")).toBeVisible();
  await page.keyboard.press("Control+Shift+z");
  await expect(step(page, "Wait")).toHaveCount(0);
  await saved(page);

  await expect(
    page.getByText("1 fault", { exact: true }),
    "those of the steps before the undoing are gone",
  ).toBeVisible();
  await expect(page.getByText("It changes nothing yet.")).toBeVisible();
  await page.keyboard.press("F8");
  await expect(page.getByRole("complementary", { name: "Update: Update" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(step(page, "Update")).toBeFocused();
  await page.keyboard.press("/");
  await expect(page.getByRole("combobox", { name: "Find a step" })).toBeFocused();
  await page.keyboard.type("entry");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("complementary", { name: "Entry: Entry" })).toBeVisible();
});

test("steps are copied to another journey", async ({ enter, backend }) => {
  const from = await backend.create({ name: "From", definition: welcome });
  const to = await backend.create({ name: "To" });
  const page = await enter(`#/journeys/${from.id}/build`);
  await step(page, "Has bought?").click();
  await panel(page).getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Copy with all that follows" }).click();
  await page.goto(`/#/journeys/${to.id}/build`);
  await page.getByRole("button", { name: "Add the entry" }).click();
  await page.keyboard.press("v");
  await expect(step(page, "Has bought?")).toBeVisible();
  await saved(page);
  const draft = must(await backend.api.GET("/journeys/{id}/draft", { params: { path: { id: to.id } } }));
  const nodes = draft.definition.nodes ?? [];
  expect(nodes.map(({ type }) => type)).toEqual(["entry_trigger", "condition_split", "channel_action", "exit", "exit"]);
  expect(nodes.map(({ id }) => id)).not.toContain("bought");
});

test("what a form does not mean stays as it was, to the letter", async ({ enter, backend }) => {
  const definition = parse(
    `{"viewport":{"zoom":1.0},"nodes":[{"x":9007199254740993,"id":"e","type":"entry_trigger","data":{"label":"In"}},
      {"type":"condition_split","id":"c","config":{"condition":{"value":9007199254740993,"operator":"gt","field":"n"}},"z":[1.0,1e2]},
      {"id":"a","type":"exit","style":{"w":0.10}},{"id":"b","type":"exit"}],
      "edges":[{"id":"1","source":"e","target":"c","sourceHandle":null},{"source":"c","target":"a","sourceHandle":"true","q":-0.0},
      {"source":"c","target":"b","sourceHandle":"false"}]}`,
  ) as object;
  const { id } = await backend.create({ name: "Exact", definition });
  const page = await enter(`#/journeys/${id}/build`);
  await step(page, "In").click();
  const put = page.waitForResponse((answer) => answer.request().method() === "PUT" && answer.url().endsWith("/draft"));
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Out");
  const draft = parse(await (await put).text()) as { definition: object };
  expect(JSON.stringify(draft.definition)).toBe(JSON.stringify(definition).replace('"label":"In"', '"label":"Out"'));
  await saved(page);
  await page.reload();
  await expect(step(page, "Out")).toBeVisible();
});

test("two editors keep both what lies apart, and choose where it does not", async ({
  enter,
  enterElsewhere,
  backend,
  trouble,
}) => {
  trouble.allow(/^412 PUT \S+\/draft$/);
  const { id } = await backend.create({ name: "Together", definition: welcome });
  const ada = await enter(`#/journeys/${id}/build`);
  const bob = await enterElsewhere(`#/journeys/${id}/build`, { name: "Bob" });
  const rename = async (page: Page, from: string, to: string) => {
    await step(page, from).click();
    await page.getByRole("textbox", { name: "Name", exact: true }).fill(to);
  };
  await rename(ada, "Greet", "Welcome");
  await saved(ada);
  await rename(bob, "Offer", "Discount");
  await bob.getByRole("button", { name: "Keep both" }).click();
  await saved(bob);
  expect(await names(bob)).toEqual(expect.arrayContaining(["Welcome", "Discount"]));

  await rename(ada, "Welcome", "Hello");
  await ada.getByRole("button", { name: "Compare…" }).click();
  expect(await axe(ada)).toEqual([]);
  await ada.getByRole("button", { name: "Take those of Bob" }).click();
  await expect(step(ada, "Discount")).toBeVisible();
  await expect(step(ada, "Welcome")).toBeVisible();
});

test("a reload keeps what could not be saved, and a deleted journey becomes a new one", async ({
  enter,
  backend,
  trouble,
}) => {
  trouble.allow(/^404 /, /^net::ERR_\w+ PUT/);
  const { id } = await backend.create({ name: "Lost", definition: welcome });
  const page = await enter(`#/journeys/${id}/build`);
  await page.route("**/draft", (route) => (route.request().method() === "PUT" ? route.abort() : route.continue()));
  await step(page, "Greet").click();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Kept");
  await expect(page.getByText("Not saved yet. It is tried again.")).toBeVisible();
  let asked = "";
  page.once("dialog", async (dialog) => {
    asked = dialog.type();
    await dialog.accept();
  });
  await page.reload();
  expect(asked, "the browser asks before the page goes away").toBe("beforeunload");
  await expect(step(page, "Kept")).toBeVisible();
  await page.unroute("**/draft");

  must(await backend.api.DELETE("/journeys/{id}", { params: { path: { id } } }));
  await page.keyboard.press("Escape");
  await step(page, "Offer").click();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Kept, too");
  await expect(page.getByText("This journey was deleted.")).toBeVisible();
  await page.getByRole("button", { name: "Save as new" }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect(step(page, "Kept, too")).toBeVisible();
});

test("a kind of step that the console does not know is shown and kept", async ({ enter, backend, trouble }) => {
  trouble.allow(/^400 POST \S+\/test$/);
  const { id } = await backend.create({ name: "Future", definition: welcome });
  const page = await enter("#/settings");
  await page.route(`**/journeys/${id}`, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({
      response: answer,
      body: (await answer.text()).replace('"type":"wait"', '"type":"teleport"'),
    });
  });
  await page.goto(`/#/journeys/${id}/build`);
  await step(page, "teleport").click();
  await expect(panel(page)).toContainText("delayHours");
});

test("what is typed of the whole journey outlives its form", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "Own", definition: welcome });
  const page = await enter(`#/journeys/${id}/build`);
  await page.getByRole("button", { name: "Who enters" }).click();
  await page.getByRole("combobox", { name: "Event" }).first().fill("cart.saved");
  await step(page, "Greet").click();
  await expect(page.getByRole("button", { name: "Launch…" })).toHaveAttribute("title", /^Apply or take back/);
  await page.getByRole("button", { name: "Who enters" }).click();
  await expect(page.getByRole("combobox", { name: "Event" }).first()).toHaveValue("cart.saved");
  await panel(page).getByRole("button", { name: "Apply" }).click();
  await expect(page.getByRole("button", { name: "Launch…" })).not.toHaveAttribute("title", /^Apply/);
});
