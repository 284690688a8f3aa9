// The tests' own `test`: each has a tenant of its own, and fails on any trouble of its pages.
import { randomBytes } from "node:crypto";
import { test as base, expect, type Page } from "@playwright/test";
import { axe } from "./axe";
import { Backend } from "./backend";
import { fetchTokens, fillLogin, type Person, storeSession } from "./issuer";
import { Trouble } from "./trouble";

export { must } from "./backend";
export * from "./graphs";
export { axe, expect };

/** Who signs in: an admin of the test's tenant named Ada Admin, where nothing else is said. */
export type Who = Partial<Omit<Person, "tenant">>;

interface Fixtures {
  /** What must not happen; a test allows what it makes happen. */
  trouble: Trouble;
  /** A tenant that no other test uses. */
  tenant: string;
  /** The API, as an admin of the tenant. */
  backend: Backend;
  /** Opens a place, such as "#/settings", signed in without the issuer's page. Returns the page. */
  enter: (place?: string, who?: Who) => Promise<Page>;
  /** Opens a place in another browser, for a second person at work. */
  enterElsewhere: (place?: string, who?: Who) => Promise<Page>;
  /** Signs in through the button and the issuer's page. */
  signIn: (page: Page, who?: Who) => Promise<void>;
}

export const test = base.extend<Fixtures>({
  trouble: [
    async ({ context }, use) => {
      const trouble = new Trouble();
      await trouble.watch(context);
      await use(trouble);
      expect(trouble.unexpected(), "troubles of the page").toEqual([]);
    },
    { auto: true },
  ],
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are used from the pattern
  tenant: async ({}, use) => use(`test-${randomBytes(6).toString("hex")}`),
  backend: async ({ tenant }, use) => use(await Backend.open(tenant)),
  enter: async ({ page, tenant }, use) =>
    use(async (place = "", who = {}) => {
      await storeSession(page, await fetchTokens(person(tenant, who)));
      await page.goto(`/${place}`);
      return page;
    }),
  enterElsewhere: async ({ browser, tenant, trouble }, use, info) => {
    const { baseURL, viewport, locale, timezoneId, contextOptions } = info.project.use;
    const options = { baseURL, viewport, locale, timezoneId, ...contextOptions };
    const pages: Page[] = [];
    await use(async (place = "", who = {}) => {
      const context = await browser.newContext(JSON.parse(JSON.stringify(options)));
      await trouble.watch(context);
      const page = await context.newPage();
      pages.push(page);
      await storeSession(page, await fetchTokens(person(tenant, who)));
      await page.goto(`/${place}`);
      return page;
    });
    for (const page of pages) await page.context().close();
  },
  signIn: async ({ tenant }, use) =>
    use(async (page, who = {}) => {
      await page.getByRole("button", { name: "Sign in" }).click();
      await fillLogin(page, person(tenant, who));
    }),
});

function person(tenant: string, who: Who): Person {
  return { tenant, role: "admin", name: "Ada Admin", ...who };
}
