import type { Locator, Page } from "@playwright/test";
import { isObject, type JsonObject, parse } from "../src/json";
import { axe, expect, must, test, welcome } from "./lib";
import type { Backend } from "./lib/backend";
import { inbox, oneTopic, suppress } from "./lib/consent";

const steps: [id: string, type: string, config: object][] = [
  ["start", "entry_trigger", { eventType: "cart_updated" }],
  ["wait", "wait", { delay: { value: 2, unit: "hours" } }],
  ["worth", "condition_split", {}],
  ["country", "multi_split", {}],
  ["offer", "random_split", {}],
  ["best", "nba_decision", { decisionFlowId: "offers" }],
  ["mail", "channel_action", { channel: "email" }],
  ["note", "update_customer", {}],
  ["end", "exit", {}],
];

/** One step of each kind, in a row. */
const everyKind = {
  nodes: steps.map(([id, type, config]) => ({ id, type, label: id, config })),
  edges: steps.slice(1).map(([target], i) => ({ source: steps[i]?.[0], target, ...handleOf(steps[i]?.[1]) })),
};

function handleOf(type = "") {
  return type === "condition_split" ? { sourceHandle: "true" } : type === "multi_split" ? { sourceHandle: "else" } : {};
}

/** Opens the form of a step. Returns the panel. */
async function open(page: Page, id: string, step: string): Promise<Locator> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/journeys/${id}/build?step=${step}`);
  const panel = page.locator("aside.panel--end").filter({ has: page.locator(`code:text-is("${step}")`) });
  await expect(panel).toBeVisible();
  return panel;
}

async function draftOf(backend: Backend, id: string): Promise<JsonObject> {
  const { data } = await backend.api.GET("/journeys/{id}/draft", { params: { path: { id } }, parseAs: "text" });
  const draft = data === undefined ? {} : parse(data as string);
  return isObject(draft) ? draft : {};
}

/** The saved draft's config of a step, as it is written. */
function saves(backend: Backend, id: string, step: string, config: string) {
  return expect
    .poll(async () => {
      const { definition } = await draftOf(backend, id);
      const nodes = isObject(definition) && Array.isArray(definition["nodes"]) ? definition["nodes"] : [];
      const node = nodes.find((one) => isObject(one) && one["id"] === step);
      return isObject(node) ? JSON.stringify(node["config"]) : undefined;
    })
    .toBe(config);
}

/** Types into a field by keyboard alone. */
async function type(field: Locator, text: string) {
  await field.focus();
  await field.press("ControlOrMeta+a");
  await field.page().keyboard.insertText(text);
}

test("a wait is edited by keyboard, and an event gets a way of its own", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "Waits", definition: everyKind });
  const page = await enter(`#/journeys/${id}/build?step=wait`);
  const panel = await open(page, id, "wait");
  await type(panel.getByLabel("Number"), "1.50");
  await panel.getByRole("switch", { name: "An event ends it early" }).press("Enter");
  await type(panel.getByLabel("Event that ends it"), "purchase");
  await page.keyboard.press("Enter");
  await type(panel.getByLabel("In this event"), "cartId");
  await type(panel.getByLabel("In the entry event"), "cartId");
  await type(panel.getByLabel("Name of the way"), "bought");
  await panel.getByLabel("Counts from").selectOption("the beginning of this wait");
  await expect(
    panel.getByText("Waits up to 1.50 hours. A purchase with the same cartId ends it at once."),
  ).toBeVisible();
  await saves(
    backend,
    id,
    "wait",
    '{"delay":{"value":1.50,"unit":"hours"},"waitForEvent":{"any":[{"id":"bought","eventType":"purchase","match":{"event":"cartId","entry":"cartId"}}]},"eventSince":"wait"}',
  );
  await expect(panel.getByLabel("bought goes on to")).not.toHaveValue("");
  await expect(panel.getByLabel("timeout goes on to")).toHaveValue("worth");

  await type(panel.getByLabel("Number"), "9000");
  await expect(panel.getByText("Give a number above 0.")).toBeVisible();
  await panel.getByRole("radio", { name: "A while" }).press("ArrowRight");
  await type(panel.getByLabel("Field with the date"), "birthDate");
  await panel.getByLabel("Moved").selectOption("before the date");
  await type(panel.getByLabel("Number"), "3");
  await panel.getByRole("switch", { name: /^Each year again/ }).press("Enter");
  await panel.getByLabel("If there is no such date").selectOption("the person leaves");
  expect(await axe(page, "aside.panel--end")).toEqual([]);
  await panel.getByRole("switch", { name: "An event ends it early" }).press("Enter");
  await saves(
    backend,
    id,
    "wait",
    '{"until":{"field":"birthDate","offset":{"unit":"days","value":-3},"yearly":true,"otherwise":"exit"},"eventSince":"wait"}',
  );
});

test("a condition is built by keyboard, and unfinished lines are not saved", async ({ enter, backend }) => {
  await backend.customer("c1", { visits: 7, cart: { currency: "EUR" } });
  const { id } = await backend.create({ name: "Conditions", definition: everyKind });
  const page = await enter(`#/journeys/${id}/build?step=worth`);
  const panel = await open(page, id, "worth");
  await panel.getByRole("button", { name: "Add a line" }).press("Enter");
  await expect(panel.getByLabel("Field")).toBeFocused();
  await page.keyboard.type("customerNo");
  await panel.getByLabel("Comparison").selectOption("at least");
  await type(panel.getByLabel("Value"), "9007199254740993");
  await panel.getByRole("button", { name: "Add an event" }).press("Enter");
  await page.keyboard.type("purchase");
  await panel.getByRole("button", { name: "Add a group" }).press("Enter");
  await page.keyboard.type("currency");
  await panel.getByLabel("Comparison").last().selectOption("is one of");
  await panel.getByLabel("Values: Another value").focus();
  await page.keyboard.type("EUR,GBP");
  await page.keyboard.press("Enter");
  await panel.getByRole("button", { name: "Add a line" }).last().press("Enter");
  await expect(panel.getByText("Name a field. Not saved until it is complete.")).toBeVisible();
  const customer = '{"field":"customerNo","operator":"gte","value":9007199254740993}';
  const event = '{"event":"purchase","since":"entry"}';
  const group = '{"any":[{"field":"currency","operator":"in","value":["EUR","GBP"]}]}';
  await saves(backend, id, "worth", `{"condition":{"all":[${customer},${event},${group}]}}`);
  expect(await axe(page, "aside.panel--end")).toEqual([]);

  await panel.getByLabel("Event", { exact: true }).press("Alt+ArrowUp");
  await expect(panel.getByLabel("Event", { exact: true })).toBeFocused();
  await panel.getByLabel("Group", { exact: true }).last().selectOption("None of these");
  await saves(backend, id, "worth", `{"condition":{"all":[${event},${customer},{"not":${group}}]}}`);
  await expect(panel.getByText("currency is neither EUR nor GBP")).toBeVisible();

  await panel.getByRole("radio", { name: "JSON" }).click();
  const json = panel.getByRole("textbox", { name: "Yes when" });
  await json.fill(`{"any":[${customer}`);
  await expect(panel.getByText("This is not valid JSON.")).toBeVisible();
  await json.fill(`{"any":[${customer}]}`);
  await saves(backend, id, "worth", `{"condition":{"any":[${customer}]}}`);
});

test("splits are edited by keyboard, and their ways follow", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "Splits", definition: everyKind });
  const page = await enter(`#/journeys/${id}/build?step=country`);
  let panel = await open(page, id, "country");
  await panel.getByRole("button", { name: "Two ways" }).press("Enter");
  await type(panel.getByLabel("Way", { exact: true }).first(), "dach");
  const first = panel.getByRole("group", { name: "Way dach" });
  await first.getByRole("button", { name: "Add a line" }).press("Enter");
  await page.keyboard.type("country");
  await type(first.getByLabel("Value"), "DE");
  await panel.getByLabel("dach goes on to").selectOption("end");
  await panel.getByRole("button", { name: "Move dach down" }).press("Enter");
  await saves(
    backend,
    id,
    "country",
    '{"branches":[{"id":"way-2","condition":{"any":[]}},{"id":"dach","condition":{"field":"country","operator":"eq","value":"DE"}}]}',
  );
  await expect(panel.getByLabel("dach goes on to")).toHaveValue("end");
  expect(await axe(page, "aside.panel--end")).toEqual([]);

  panel = await open(page, id, "offer");
  await panel.getByRole("button", { name: "Two ways" }).press("Enter");
  await type(panel.getByLabel("Way", { exact: true }).last(), "holdout");
  await type(panel.getByLabel("Weight").first(), "90");
  await type(panel.getByLabel("Weight").last(), "10");
  await type(panel.getByLabel("Name of the draw"), "global");
  expect(await axe(page, "aside.panel--end")).toEqual([]);
  await expect(panel.getByText("Chance sends 90% to way-1, 10% to holdout.")).toBeVisible();
  await saves(
    backend,
    id,
    "offer",
    '{"branches":[{"id":"way-1","weight":90},{"id":"holdout","weight":10}],"salt":"global"}',
  );
});

test("a decision, a message, an update and an exit are edited by keyboard", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "Actions", definition: everyKind });
  const page = await enter(`#/journeys/${id}/build?step=best`);
  let panel = await open(page, id, "best");
  await type(panel.getByLabel("Offers at most"), "3");
  await panel.getByLabel("If it fails").selectOption("the person stays as failed");
  await saves(backend, id, "best", '{"decisionFlowId":"offers","maxOffers":3,"onError":"fail"}');
  expect(await axe(page, "aside.panel--end")).toEqual([]);

  panel = await open(page, id, "mail");
  await type(panel.getByLabel("Subject"), "Hello ");
  await type(panel.getByLabel("A value of the person or event"), "attributes.firstName");
  await type(panel.getByLabel("If there is none"), "you");
  await panel.getByLabel("Subject").press("End");
  await panel.getByRole("button", { name: "Put in" }).press("Enter");
  await expect(panel.getByLabel("Subject")).toBeFocused();
  await type(panel.getByLabel("Text", { exact: true }), "Bye {{attributes.x");
  await expect(panel.getByText("Close the placeholder with }}.")).toBeVisible();
  await page.keyboard.type("}}");
  await type(panel.getByLabel("Another field"), "campaign");
  await page.keyboard.press("Enter");
  await type(panel.getByRole("textbox", { name: "campaign" }), "autumn");
  await saves(
    backend,
    id,
    "mail",
    `{"channel":"email","payload":{"subject":"Hello {{attributes.firstName | default: 'you'}}","text":"Bye {{attributes.x}}","campaign":"autumn"}}`,
  );
  expect(await axe(page, "aside.panel--end")).toEqual([]);

  panel = await open(page, id, "note");
  await type(panel.getByLabel("Attribute to set"), "plan");
  await page.keyboard.press("Enter");
  await type(panel.getByLabel("Value of plan"), "pro");
  await type(panel.getByLabel("Attribute to add to"), "points");
  await page.keyboard.press("Enter");
  await type(panel.getByLabel("Number to add to points"), "0.10");
  await type(panel.getByLabel("Remove: Another value"), "trialEndsAt");
  await page.keyboard.press("Enter");
  await saves(backend, id, "note", '{"set":{"plan":"pro"},"add":{"points":0.10},"unset":["trialEndsAt"]}');
  expect(await axe(page, "aside.panel--end")).toEqual([]);

  panel = await open(page, id, "end");
  await type(panel.getByLabel("Reason"), "done");
  await type(panel.getByRole("textbox", { name: "Name", exact: true }), "Das Ende");
  await saves(backend, id, "end", '{"reason":"done"}');
});

test("the settings of a journey apply at once or with the draft, as the form says", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "Settings", definition: everyKind });
  const page = await enter(`#/journeys/${id}/build`);
  const panelOf = async (name: string) => {
    await page.getByRole("button", { name }).press("Enter");
    return page.getByRole("complementary", { name });
  };
  let panel = await panelOf("Re-entry");
  await panel.getByLabel("Who has left").selectOption("may enter again");
  await type(panel.getByLabel("Hours from entry to entry"), "24");
  await panel.getByRole("button", { name: "Apply" }).press("Enter");
  await expect(panel.getByRole("status").filter({ hasText: "Applied." })).toBeVisible();
  expect(await axe(page, "aside.panel--end")).toEqual([]);

  panel = await panelOf("Leave early");
  await type(panel.getByLabel("Event that takes people out"), "purchase");
  await page.keyboard.press("Enter");
  await panel.getByLabel("They count as").selectOption("finished");
  expect(await axe(page, "aside.panel--end")).toEqual([]);
  panel = await panelOf("Goal");
  await type(panel.getByLabel("Event that the journey is for"), "purchase");
  await page.keyboard.press("Enter");
  await type(panel.getByLabel("Days after the entry in which it counts"), "14");
  await expect
    .poll(async () => {
      const { exitOn, goal } = await draftOf(backend, id);
      return { exitOn, goal };
    })
    .toEqual({
      exitOn: [{ eventType: "purchase", as: "completed" }],
      goal: { eventType: "purchase", windowDays: 14 },
    });
  const journey = must(await backend.api.GET("/journeys/{id}", { params: { path: { id } } }));
  expect(journey).toMatchObject({ reentry: { mode: "afterExit", minIntervalHours: 24 }, exitOn: [], goal: null });
});

test("a message goes to the subscribers of a topic, and warns if it has none to reach", async ({ enter, backend }) => {
  await oneTopic(backend);
  const { id } = await backend.create({ name: "Welcome", definition: welcome });
  const page = await enter(`#/journeys/${id}/build?step=greet`);
  const panel = page.getByRole("complementary", { name: /: Greet$/ }); // named by its channel
  const who = panel.getByLabel("Who gets it");
  await expect(panel.getByText("Without either it also goes to people who unsubscribed.")).toBeVisible();
  await page
    .getByRole("button", { name: /warning/ })
    .first()
    .click();
  await expect(page.getByText("It goes to everyone, even people who unsubscribed.").first()).toBeVisible();
  await who.selectOption("subscribers of “News”");
  await expect(panel.getByText("Only subscribers of News get it.")).toBeVisible();
  await expect(panel.getByText("People are subscribed until they unsubscribe.")).toBeVisible();
  await panel.getByLabel("Subject").fill("Hello, {{unsubscribe.url}}");
  await panel.getByLabel("Channel", { exact: true }).fill("sms");
  await expect(panel.getByText("“News” is not for the channel sms, so nobody gets this message.")).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await panel.getByLabel("Channel", { exact: true }).fill("email");
  await who.selectOption("everyone: something people need, such as a receipt");
  await expect
    .poll(async () =>
      JSON.stringify((await backend.api.GET("/journeys/{id}/draft", { params: { path: { id } } })).data),
    )
    .toContain('"transactional":true');
});

test("a click in a message ends a wait, and conditions ask for it", async ({ enter, backend }) => {
  const { id } = await backend.create({ name: "Welcome", definition: welcome });
  const page = await enter(`#/journeys/${id}/build?step=pause`);
  const panel = page.getByRole("complementary", { name: "Wait: Wait" });
  await panel.getByRole("switch", { name: "An event ends it early" }).press("Enter");
  await panel.getByRole("button", { name: "What became of a message" }).press("Enter");
  await expect(panel.getByText("Waits up to 48 hours. A click in Greet ends it at once.")).toBeVisible();
  await expect(panel.getByLabel("Counts from")).toHaveCount(0);
  await panel.getByLabel("What ends it").selectOption("it bounces for good");
  await expect(panel.getByText("A bounce of Greet ends it at once.")).toBeVisible();
  expect(await axe(page)).toEqual([]);
  await expect(page.locator('[data-step="pause"]')).toContainText("2 days for a bounce");
  await expect
    .poll(async () =>
      JSON.stringify((await backend.api.GET("/journeys/{id}/draft", { params: { path: { id } } })).data),
    )
    .toContain('"any":[{"id":"clicked","step":"greet","is":"bounced"}]');

  await page.locator('[data-step="bought"]').click();
  const split = page.getByRole("complementary", { name: "Condition: Has bought?" });
  await split.getByRole("button", { name: "Add a line" }).click();
  await split.getByLabel("Field").last().fill("step.greet.clicked");
  await split.getByLabel("Value").last().selectOption("yes");
  await expect(split.locator('option[value="step.greet.complained"]')).toHaveCount(1);
  await expect(split.getByText(/step\.greet\.clicked is yes\.$/).last()).toBeVisible();
});

test("a test of a message is sent, and what keeps one away is said", async ({ enter, backend, trouble }) => {
  const nodes = welcome.nodes.map((node) =>
    node.id === "greet"
      ? { ...node, config: { channel: "email", payload: { subject: "Hello {{attributes.name}}" } } }
      : node,
  );
  const { id } = await backend.create({ name: "Welcome", definition: { ...welcome, nodes } });
  const page = await enter(`#/journeys/${id}/build?step=greet`, { role: "editor" });
  await page.getByLabel("Subject").fill("Good day {{attributes.name}}");
  await page.getByRole("button", { name: "Send a test…" }).press("Enter");
  const dialog = page.getByRole("dialog", { name: "Send a test of Greet" });
  await expect(dialog.getByRole("button", { name: "Send" })).toHaveAttribute("aria-disabled", "true");
  await dialog.getByLabel("To", { exact: true }).fill("me@example.com");
  await dialog.getByLabel("Attributes as JSON").fill('{"name": "Kim"}');
  expect(await axe(page)).toEqual([]);
  await dialog.getByLabel("To", { exact: true }).press("Enter");
  await expect(dialog.getByRole("status")).toContainText("The channel accepted it.");
  const [sent] = await inbox(id);
  expect(sent).toMatchObject({ test: true, nodeId: "greet", payload: { subject: "Good day Kim" } });

  trouble.allow(/^409 POST \S+send-test$/, /^502 POST \S+send-test$/);
  await suppress(backend, "email", "no@example.com");
  await dialog.getByLabel("To", { exact: true }).fill("no@example.com");
  await dialog.getByRole("button", { name: "Send again" }).click();
  await expect(dialog.getByRole("alert")).toContainText("This address takes no messages of the channel");
  await dialog.getByLabel("To", { exact: true }).fill("me@refused.example");
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("alert")).toContainText("The channel refused the message");
  expect(await axe(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Send a test…" })).toBeFocused();
  expect(await inbox(id), "one call sends one message").toHaveLength(1);
});
