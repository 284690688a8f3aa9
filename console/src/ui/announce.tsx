import { type Store, store, useStore } from "../store";

const said: Store<string> = store("");

/** Has a screen reader say a sentence. */
export function announce(text: string) {
  // The same sentence again is a change, too.
  said.set(said.get() === text ? `${text}\u00a0` : text);
}

/** Where screen readers find what was announced. It stands on the page once. */
export function Announcer() {
  return (
    <p className="sr" role="status" aria-live="polite">
      {useStore(said)}
    </p>
  );
}
