import { defineConfig } from "@playwright/test";
import { findChromium } from "./test/lib/chromium";
import { pageURL } from "./test/lib/env";

const chromium = await findChromium();

// The tests need a running API: `make console-test` starts one.
export default defineConfig({
  testDir: "test",
  testMatch: process.env["PICTURES"] === undefined ? "*.spec.ts" : "pictures.ts", // `make console-pictures`
  outputDir: "test/results",
  fullyParallel: true,
  workers: process.env["BUDGETS"] === undefined ? 4 : 1, // most of a test is waiting; CPU is measured alone
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    baseURL: pageURL,
    browserName: "chromium",
    viewport: { width: 1440, height: 900 },
    locale: process.env["PICTURES"] === undefined ? "en-US" : "en-GB",
    timezoneId: "UTC",
    contextOptions: { reducedMotion: "reduce" },
    trace: { mode: "retain-on-failure", screenshots: false },
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: chromium.path,
      env: chromium.env,
      chromiumSandbox: false, // refused to root, and where user namespaces are off
      args: ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"],
    },
  },
});
