import type { Graph } from "../src/graph/types";
import { axe, expect, must, oneMessage, test, welcome } from "./lib";
import type { Backend } from "./lib/backend";

const launchOf = (id: string) => `#/journeys/${id}/launch`;

async function putDraft(backend: Backend, id: string, definition: Graph): Promise<void> {
  const body = { definition } as object;
  must(await backend.api.PUT("/journeys/{id}/draft", { params: { path: { id } }, body }));
}

async function read(backend: Backend, id: string) {
  return must(await backend.api.GET("/journeys/{id}", { params: { path: { id } } }));
}

/** The graph of the welcome with another wait. */
function waiting(hours: number): Graph {
  const nodes = welcome.nodes.map((node) => (node.id === "pause" ? { ...node, config: { delayHours: hours } } : node));
  return { ...welcome, nodes };
}

test("a launch waits for the faults, and names each with its step", async ({ enter, backend }) => {
  const edges = welcome.edges.filter(({ source }) => source !== "offer");
  const { id } = await backend.create({ name: "Half", definition: { ...welcome, edges } });
  const page = await enter(launchOf(id));
  await expect(page.getByRole("heading", { name: /^\d faults?$/ })).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "Offer" }).first()).toBeVisible();
  const button = page.getByRole("button", { name: /^Launch/ });
  await expect(button).toHaveAttribute("aria-disabled", "true");
  await expect(page.getByRole("complementary")).toContainText("must be mended first");
  expect(await axe(page)).toEqual([]);
  await button.click({ force: true });
  expect((await read(backend, id)).status).toBe("draft");
});

test("a new journey is read, launched and watched", async ({ enter, backend }) => {
  const personas = [
    { id: "a", name: "Buys", test: { customerAttributes: { email: "a@example.com", orders: 2 } } },
    { id: "b", name: "Waits", test: { customerAttributes: { email: "b@example.com" } } },
  ];
  const nodes = welcome.nodes.map((node) => (node.id === "start" ? { ...node, data: { personas } } : node));
  const { id } = await backend.create({
    name: "Welcome",
    definition: { ...welcome, nodes },
    goal: { eventType: "purchase", windowDays: 7 },
    reentry: { mode: "afterExit", minIntervalHours: 48 },
  });
  const page = await enter(launchOf(id));
  await expect(page.getByRole("heading", { name: "Launch Welcome" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "6 of 6 lines tried" })).toBeVisible();
  await expect(page.getByRole("main")).toContainText("event signup");
  await expect(page.getByRole("main")).toContainText("after they left, 2 days after they last entered");
  await expect(page.getByRole("main")).toContainText("event purchase within 7 days");
  await expect(page.getByRole("main")).toContainText("2 messages");
  expect(await axe(page)).toEqual([]);
  await page.getByRole("button", { name: "Launch", exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`#/journeys/${id}/live`));
  expect((await read(backend, id)).status).toBe("active");
});

test("an edited journey is launched again, also over another's change, and those inside stay", async ({
  enter,
  backend,
  trouble,
}) => {
  const { id } = await backend.launch({ name: "Welcome", definition: welcome });
  await backend.enroll(id, "ann");
  await backend.untilFigures(id, { enrollments: { active: 1 } });
  await putDraft(backend, id, waiting(24));
  const page = await enter(launchOf(id));
  await expect(page.getByRole("heading", { name: "Launch version 2" })).toBeVisible();
  await expect(page.getByRole("main")).toContainText("1 go on with version 1. Newcomers take version 2.");
  await expect(page.getByRole("complementary")).toContainText("Changed");
  expect(await axe(page)).toEqual([]);

  await backend.change(id, { definition: waiting(12) });
  trouble.allow(/^412 POST \S+\/draft\/publish$/);
  const button = page.getByRole("button", { name: "Launch version 2" });
  await expect(button).toHaveAttribute("aria-disabled", "true");
  await page.getByRole("checkbox", { name: /I have read the/ }).click();
  await button.click();
  await expect(page.getByRole("alert")).toContainText("Someone changed the live version meanwhile");
  expect(await axe(page)).toEqual([]);
  await page.getByRole("button", { name: "Launch over it" }).click();
  await expect(page).toHaveURL(/\/live/);
  const journey = await read(backend, id);
  expect(journey.version).toBe(3);
  expect(JSON.stringify(journey.definition)).toContain('"delayHours":24');
  await page.goto(`/${launchOf(id)}`);
  await expect(page.getByRole("heading", { name: "Version 3 is live" })).toBeVisible();
});

test("a launch that breaks off between its two steps goes on where it was", async ({ enter, backend, trouble }) => {
  const { id } = await backend.create({ name: "Hello", definition: { nodes: [], edges: [] } });
  await putDraft(backend, id, oneMessage("email"));
  const page = await enter(launchOf(id));
  trouble.allow(/^500 PUT /, /^net::ERR_FAILED POST \S+\/draft\/publish$/);
  await page.route("**/draft/publish", async (route) => {
    await route.fetch(); // the answer is lost, once
    await page.unroute("**/draft/publish");
    await route.abort();
  });
  await page.route(`**/journeys/${id}`, (route) =>
    route.request().method() === "PUT"
      ? route.fulfill({ status: 500, json: { title: "Internal error" } })
      : route.continue(),
  );
  await page.getByRole("checkbox", { name: "I have read the warning" }).click();
  await page.getByRole("button", { name: "Launch", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("It was not launched");
  expect(await read(backend, id)).toMatchObject({ status: "draft", version: 2 });

  await page.unroute(`**/journeys/${id}`);
  await page.reload();
  await page.getByRole("checkbox", { name: "I have read the warning" }).click();
  await page.getByRole("button", { name: "Launch", exact: true }).click();
  await expect(page).toHaveURL(/\/live/);
  expect((await read(backend, id)).status).toBe("active");
});

test("a paused journey is resumed, and a viewer cannot launch", async ({ enter, backend, enterElsewhere }) => {
  const { id } = await backend.launch({ name: "Welcome", definition: welcome });
  await backend.change(id, { status: "paused" });
  const viewer = await enterElsewhere(launchOf(id), { role: "viewer" });
  await expect(viewer.getByRole("heading", { name: "Your role sees figures only" })).toBeVisible();
  const page = await enter(launchOf(id));
  await page.getByRole("checkbox", { name: /I have read the/ }).click();
  await page.getByRole("button", { name: "Resume version 1" }).click();
  await expect(page).toHaveURL(/\/live/);
  expect((await read(backend, id)).status).toBe("active");
});
