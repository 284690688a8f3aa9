import { useSyncExternalStore } from "react";

const wide = matchMedia("(min-width: 56.3rem)");

function subscribe(watcher: () => void) {
  wide.addEventListener("change", watcher);
  return () => wide.removeEventListener("change", watcher);
}

/** Whether there is room to build. */
export function useWide(): boolean {
  return useSyncExternalStore(subscribe, () => wide.matches);
}
