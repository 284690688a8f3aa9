// Notices that the console was deployed anew while the page was open.
import { readConfig } from "./config";
import { setReturns } from "./kept";
import { type Store, store } from "./store";

/** Whether there is a newer build than this page's. */
export const outdated: Store<boolean> = store(false);

const often = 5 * 60_000;
const reloadedAt = "journeys.reloaded";

/** Compares the build with the service's, when the page is shown again and 5 minutes have passed. */
export function watchBuild(version: string) {
  let last = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || outdated.get() || Date.now() - last < often) return;
    last = Date.now();
    readConfig()
      .then((config) => outdated.set(config.version !== version))
      .catch(() => undefined); // asked again later
  });
}

/**
 * Loads the page again when one of its files is gone. Drafts are kept locally. A page that was loaded
 * a moment ago is not: the place then says what is wrong.
 */
export function reloadForMissingFiles() {
  window.addEventListener("vite:preloadError", (event) => {
    const before = Number(sessionStorage.getItem(reloadedAt) ?? "0");
    if (Date.now() - before < 30_000) return;
    sessionStorage.setItem(reloadedAt, String(Date.now()));
    event.preventDefault();
    setReturns(true);
    location.reload();
  });
}
