import { readFileSync } from "node:fs";
import type { Page } from "@playwright/test";
import { axe, expect, oneMessage, test, welcome } from "./lib";
import type { Backend } from "./lib/backend";
import { oneTopic } from "./lib/consent";

interface Example {
  definition: { nodes: { type: string; data?: object }[]; edges: object[] };
}

/** An example with the personas of these names, which the examples' own tests use too. */
function example(name: string, ...personas: string[]): Example & { name: string } {
  const read = (file: string) =>
    JSON.parse(readFileSync(new URL(`../../examples/${name}/${file}`, import.meta.url), "utf8"));
  const journey = read("journey.json");
  const kept = read("personas.json").filter((persona: { name: string }) => personas.includes(persona.name));
  const entry = journey.definition.nodes.find((node: { type: string }) => node.type === "entry_trigger");
  entry.data = {
    ...entry.data,
    personas: kept.map((p: { name: string; test: object }) => ({ name: p.name, test: p.test })),
  };
  return journey;
}

async function simulate(backend: Backend, enter: (place: string) => Promise<Page>, journey: object): Promise<Page> {
  const { id } = await backend.create(journey as Parameters<Backend["create"]>[0]);
  return enter(`#/journeys/${id}/simulate`);
}

const persona = (page: Page, name: string | RegExp) => page.getByRole("option", { name });
const time = (page: Page) => page.getByRole("slider", { name: "Step", exact: true });

test("three personas take three ways through the abandoned cart, and the time shows each step", async ({
  backend,
  enter,
}) => {
  const page = await simulate(
    backend,
    enter,
    example(
      "abandoned-cart",
      "buys within the hour",
      "buys another cart, and is reminded of this one",
      "abandons a large cart",
    ),
  );
  await expect(persona(page, /buys within the hour.*Left early: purchased/)).toBeVisible();
  await expect(persona(page, /buys another cart.*Abandoned/)).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: "lines taken" })).toHaveText(/8 of 8/);

  await persona(page, /abandons a large cart/).click();
  await expect(time(page)).toHaveAttribute("aria-valuetext", /^Step 8 of 8, Abandoned, /);
  await time(page).press("Home");
  await expect(time(page)).toHaveAttribute("aria-valuetext", /^Step 1 of 8, Cart updated, .*let in$/);
  await time(page).press("PageUp");
  await expect(time(page), "a day on").toHaveAttribute("aria-valuetext", /^Step 5 of 8, Is it a large cart\?, .*yes$/);
  const step = page.getByRole("complementary", { name: "Step" });
  await expect(step.getByRole("listitem")).toHaveText(/event\.total at least 100, true\s*250/);
  await expect(step.getByRole("article").first()).toContainText("Your cart of 250 EUR is waiting");
  await expect(page.locator("[data-step=large]")).toHaveAttribute("class", /is-now/);
  await time(page).press("ArrowLeft");
  await expect(step.getByRole("heading", { level: 2 })).toHaveText("A day");
  await expect(step).toContainText("Ended by");
  expect(await axe(page)).toEqual([]);
});

test("the first persona is one click away, and one more covers the untried way", async ({ backend, enter }) => {
  const page = await simulate(backend, enter, example("abandoned-cart"));
  await page.getByRole("button", { name: "Make the first persona" }).click();
  await expect(persona(page, "Persona 1")).toBeFocused();
  const covered = page.getByRole("status").filter({ hasText: "lines taken" });
  await expect(covered).toHaveText(/7 of 8/);
  await page.getByRole("button", { name: "Send one to Abandoned" }).click();
  await expect(covered).toHaveText(/8 of 8/);
  await expect(page.getByRole("heading", { name: "Nobody goes here yet" })).toBeHidden();

  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await page.keyboard.type("Small cart");
  await page.getByLabel(/^total: Value/).fill("0");
  await expect(persona(page, /Small cart.*Stopped: the condition of the entry is false/)).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await page.getByRole("button", { name: "Done", exact: true }).click();
  await expect(persona(page, /Small cart/)).toBeFocused();
  await page.keyboard.press("Delete");
  await expect(persona(page, /Small cart/)).toBeHidden();
  await page.keyboard.press("Control+z");
  await expect(persona(page, /Small cart/)).toBeVisible();
  await page.reload();
  await expect(persona(page, /Small cart/), "kept with the draft").toBeVisible();
});

test("an event is moved along the time with the mouse and by keys", async ({ backend, enter }) => {
  const page = await simulate(backend, enter, example("abandoned-cart", "buys after the reminder"));
  const event = page.getByRole("slider", { name: "purchase" });
  await expect(event).toHaveAttribute("aria-valuetext", /^5 hr after entry/);
  await expect(persona(page, /Left early: purchased/)).toBeVisible();
  await expect(time(page)).toHaveAttribute("aria-valuemax", "5");

  // Into the first wait: before the reminder.
  const from = await event.boundingBox();
  const lane = await time(page).boundingBox();
  if (!from || !lane) throw new Error("not drawn");
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(from.x - lane.width * 0.55, from.y + from.height / 2, { steps: 4 });
  await page.mouse.up();
  await expect(time(page), "bought before the reminder").toHaveAttribute("aria-valuemax", "3");
  await expect(page.getByText("No message.", { exact: false })).toBeVisible();

  await event.focus();
  await page.keyboard.press("PageUp");
  await page.keyboard.press("PageUp");
  await expect(persona(page, /Abandoned/), "bought after the end").toBeVisible();
  await page.keyboard.press("Delete");
  await expect(event).toBeHidden();
  await page.getByRole("button", { name: "Add an event" }).click();
  await page.getByRole("menuitem", { name: "cart_emptied" }).click();
  await expect(page.getByRole("slider", { name: "cart_emptied" })).toBeVisible();
});

test("a message is shown as sent, in a page that runs nothing of it", async ({ backend, enter }) => {
  const graph = oneMessage("email");
  const html = '<p style="color:red">Hello <b>{{attributes.firstName}}</b></p><script>document.title="run"</script>';
  const nodes = graph.nodes.map((node) =>
    node.id === "send"
      ? { ...node, config: { channel: "email", payload: { subject: "Hi {{attributes.firstName}}", html } } }
      : node,
  );
  const page = await simulate(backend, enter, { name: "Mail", definition: { ...graph, nodes } });
  await page.getByRole("button", { name: "Make the first persona" }).click();
  const mail = page.getByRole("article");
  await expect(mail).toContainText("kim@example.com");
  await expect(mail.locator(".filled", { hasText: /^Kim$/ })).toBeVisible();
  await mail.getByRole("button", { name: "Show as sent" }).click();
  const frame = page.getByRole("dialog").frameLocator("iframe");
  await expect(frame.getByText("Hello Kim")).toBeVisible();
  await expect(frame.locator("p")).toHaveCSS("color", "rgb(255, 0, 0)");
  await expect(frame.locator("script")).toHaveCount(0);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("a split and a decision are tried another way, and faults are said", async ({ backend, enter, trouble }) => {
  const definition = {
    nodes: [
      { id: "start", type: "entry_trigger" },
      { id: "decide", type: "nba_decision", label: "Best offer", config: { decisionFlowId: "best" } },
      {
        id: "good",
        type: "condition_split",
        label: "Good?",
        config: { condition: { field: "decision.decide.score", operator: "gte", value: 5 } },
      },
      {
        id: "arms",
        type: "random_split",
        label: "Arms",
        config: {
          branches: [
            { id: "a", weight: 9 },
            { id: "b", weight: 1 },
          ],
        },
      },
      { id: "x", type: "exit", label: "Left A" },
      { id: "y", type: "exit", label: "Left B" },
    ],
    edges: [
      { source: "start", target: "decide" },
      { source: "decide", target: "good" },
      { source: "good", target: "arms", sourceHandle: "true" },
      { source: "arms", target: "x", sourceHandle: "a" },
      { source: "arms", target: "y", sourceHandle: "b" },
    ],
  };
  const page = await simulate(backend, enter, { name: "Offers", definition });
  await page.getByRole("button", { name: "Make the first persona" }).click();
  await expect(page.getByText(/The journey has 1 fault/)).toBeVisible();
  await time(page).press("Home");
  await time(page).press("ArrowRight");
  const answer = page.getByRole("textbox", { name: "The answer of the decision" });
  await answer.fill('{"score": 1}');
  await expect(persona(page, /Stopped/)).toBeVisible();
  await answer.fill('{"score": 9}');
  await expect(persona(page, /Left A|Left B/)).toBeVisible();
  await page.locator("[data-step=arms]").click();
  const way = page.getByRole("combobox", { name: "The way of Persona 1" });
  await way.selectOption("b");
  await expect(persona(page, /Left B/)).toBeVisible();
  await way.selectOption("a");
  await expect(persona(page, /Left A/)).toBeVisible();

  trouble.allow(/^400 POST .*\/test$/);
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Customer id").fill("a\u0001b".repeat(100));
  await expect(persona(page, /Not accepted/)).toBeVisible();
  await expect(page.getByLabel("Customer id")).toHaveAttribute("aria-invalid", "true");
});

test("a customer can be looked at without being kept", async ({ backend, enter }) => {
  await backend.customer("customer-7", { email: "real@example.org", firstName: "Real", plan: "pro" });
  const graph = oneMessage("email");
  const { id } = await backend.create({ name: "Mail", definition: graph });
  const page = await enter(`#/journeys/${id}/simulate?customer=customer-7`);
  await expect(page.getByRole("article")).toContainText("real@example.org");
  await page.getByRole("button", { name: "Keep as a persona" }).click();
  await expect(persona(page, /Persona 1/)).toBeVisible();
  await expect(page.getByLabel(/^email: Value/)).toHaveValue("kim@example.com");
  await expect(persona(page, /customer-7/)).toBeHidden();

  // What the two places read of a customer is the same.
  await page.goto("/#/customers/customer-7");
  await expect(page.getByRole("region", { name: "Attributes" })).toContainText("real@example.org");
  await page.goBack();
  await page.goto(`/#/journeys/${id}/simulate?customer=customer-7`);
  await expect(page.getByRole("article")).toContainText("real@example.org");
});

test("a persona who unsubscribed gets no message, and a click ends the wait of another", async ({ enter, backend }) => {
  await oneTopic(backend);
  const nodes = welcome.nodes.map((node) => {
    if (node.id === "greet") return { ...node, config: { ...node.config, topic: "news" } };
    const any = [{ id: "clicked", step: "greet", is: "clicked" }];
    return node.id === "pause" ? { ...node, config: { ...node.config, waitForEvent: { any } } } : node;
  });
  const { id } = await backend.create({ name: "Welcome", definition: { ...welcome, nodes } });
  const page = await enter(`#/journeys/${id}/simulate`);
  await page.getByRole("button", { name: "Make the first persona" }).click();
  const form = page.getByRole("complementary", { name: /^Edit / });
  const edit = page.getByRole("button", { name: "Edit", exact: true });
  await edit.or(form).first().waitFor();
  if (await edit.isVisible()) await edit.click();
  await form.getByRole("group", { name: "Report 1" }).or(form.getByText("What becomes of messages")).first().waitFor();
  await form.getByRole("button", { name: "Add", exact: true }).last().press("Enter");
  await expect(page.locator('[data-step="pause"]')).toContainText("ended by the event");
  expect(await axe(page)).toEqual([]);
  await form.getByRole("switch", { name: "News" }).press("Enter");
  await expect(page.locator('[data-step="greet"]')).toHaveAccessibleName(/unsubscribed, not sent/);
  await expect(page.locator('[data-step="pause"]'), "no one clicks in what was not sent").toContainText("waited");
});
