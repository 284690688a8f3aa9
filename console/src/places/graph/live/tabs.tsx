import words from "#words/live";
import { href, useRoute } from "../../../route";
import { Icon } from "../../../ui/icon";

/** What a phone shows: the steps, or all figures. */
export type Tab = "steps" | "figures";

export function useTab(): Tab {
  return useRoute().query.get("tab") === "figures" ? "figures" : "steps";
}

/** The bar at the bottom of a phone. */
export function Tabs({ id, viewer, here }: { id: string; viewer: boolean; here?: "versions" }) {
  const tab = useTab();
  const to = (next: Tab) => href({ name: "graph", journey: id, mode: "live" }, next === "figures" ? { tab: next } : {});
  return (
    <nav className="tabbar only-narrow" aria-label={words.views}>
      <a href={to("steps")} aria-current={!here && tab === "steps" ? "page" : undefined}>
        <Icon name="outline" />
        {words.steps}
      </a>
      <a href={to("figures")} aria-current={!here && tab === "figures" ? "page" : undefined}>
        <Icon name="bars" />
        {words.figures}
      </a>
      {!viewer && (
        <>
          <a href={href({ name: "people", journey: id })}>
            <Icon name="people" />
            {words.people}
          </a>
          <a href={href({ name: "graph", journey: id, mode: "versions" })} aria-current={here ? "page" : undefined}>
            <Icon name="versions" />
            {words.versions}
          </a>
        </>
      )}
    </nav>
  );
}
