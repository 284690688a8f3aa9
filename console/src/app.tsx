import { lazy, type ReactNode, Suspense } from "react";
import words from "#words/shell";
import { Bands } from "./bands";
import { Page } from "./frame";
import { href, type Place, useRoute } from "./route";
import { session, sessionLost } from "./session";
import { ForSystems, SignedOutHere, SignIn } from "./signin";
import { useStore } from "./store";
import { LinkButton } from "./ui/button";
import { Skeleton } from "./ui/states";

const Journeys = lazy(() => import("./places/journeys/journeys"));
const Graph = lazy(() => import("./places/graph/graph"));
const Launch = lazy(() => import("./places/launch/launch"));
const People = lazy(() => import("./places/people/people"));
const Customers = lazy(() => import("./places/customers/customers"));
const Settings = lazy(() => import("./places/settings/settings"));

/** The console: the sign-in, or the place of the address. */
export function App({ failure }: { failure: unknown }) {
  const { place } = useRoute();
  const who = useStore(session);
  const lost = useStore(sessionLost);
  if (who === null && !lost) return <SignIn failure={failure} />;
  if (who !== null && who.role === null) return <ForSystems />;
  return (
    <>
      <Bands />
      <Suspense fallback={<Skeleton />}>{draw(place)}</Suspense>
      {lost && <SignedOutHere />}
    </>
  );
}

function draw(place: Place): ReactNode {
  switch (place.name) {
    case "journeys":
      return <Journeys />;
    case "graph":
      return <Graph key={place.journey} id={place.journey} mode={place.mode} />;
    case "launch":
      return <Launch key={place.journey} id={place.journey} />;
    case "people":
      return <People key={place.journey} id={place.journey} customer={place.customer} />;
    case "customers":
      return <Customers />;
    case "customer":
      return <Customers key={place.customer} customer={place.customer} />;
    case "settings":
      return <Settings />;
    default:
      return (
        <Page title={words.notFound}>
          <div className="center">
            <div className="col gap-4 empty">
              <h1 className="t5">{words.notFound}</h1>
              <p className="dim">{words.notFoundDetail}</p>
              <LinkButton look="primary" href={href({ name: "journeys" })}>
                {words.toJourneys}
              </LinkButton>
            </div>
          </div>
        </Page>
      );
  }
}
