import { useSyncExternalStore } from "react";

/** A value outside of React that components can watch. */
export interface Store<T> {
  get(): T;
  set(next: T): void;
  subscribe(onChange: () => void): () => void;
}

/** Returns a store that holds a value. */
export function store<T>(value: T): Store<T> {
  const watchers = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const watcher of [...watchers]) watcher();
    },
    subscribe(onChange) {
      watchers.add(onChange);
      return () => watchers.delete(onChange);
    },
  };
}

/** The value of a store. The component renders again when it changes. */
export function useStore<T>(source: Store<T>): T {
  return useSyncExternalStore(source.subscribe, source.get);
}
