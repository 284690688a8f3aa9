import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

/** The rules that read colors. All others find the same in the light and in the dark. */
const colors = ["color-contrast", "link-in-text-block"];

/** Returns the violations of the accessibility of the page, or a part of it, in the light and in the dark, each as a line. */
export async function axe(page: Page, within = "html"): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    // The legacy mode opens no second page. It leaves out frames of other origins: the preview of messages.
    const builder = new AxeBuilder({ page, ...(colorScheme === "dark" && { axeSource: "/* it is there */" }) })
      .include(within)
      .setLegacyMode(true);
    builder.options({ resultTypes: ["violations"] }); // what passes need not be described
    const { violations } = await (colorScheme === "dark" ? builder.withRules(colors) : builder).analyze();
    for (const violation of violations) {
      for (const node of violation.nodes) {
        found.push(
          `${colorScheme} ${violation.id}: ${node.target.join(" ")}: ${node.failureSummary ?? violation.help}`,
        );
      }
    }
  }
  await page.emulateMedia({ colorScheme: null });
  return found;
}
