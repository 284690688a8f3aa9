import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import words from "#words/shell";
import { Bands } from "./bands";
import { Boundary } from "./boundary";
import { Page } from "./frame";
import { type KeyTable, useKeys } from "./keys";
import Journeys from "./places/journeys/journeys";
import { href, type Place, useRoute } from "./route";
import { session, sessionLost } from "./session";
import { useStore } from "./store";
import { Announcer } from "./ui/announce";
import { LinkButton } from "./ui/button";
import { Empty, Skeleton } from "./ui/states";

const Graph = lazy(() => import("./places/graph/graph"));
const Launch = lazy(() => import("./places/launch/launch"));
const People = lazy(() => import("./places/people/people"));
const Customers = lazy(() => import("./places/customers/customers"));
const Settings = lazy(() => import("./places/settings/settings"));
const signin = () => import("./signin");
const SignIn = lazy(() => signin().then(({ SignIn }) => ({ default: SignIn })));
const ForSystems = lazy(() => signin().then(({ ForSystems }) => ({ default: ForSystems })));
const SignedOutHere = lazy(() => signin().then(({ SignedOutHere }) => ({ default: SignedOutHere })));
const Help = lazy(() => import("./places/help/help"));

const everywhere: KeyTable<"help"> = {
  title: words.everywhere,
  rows: [{ name: "help", keys: ["?"], does: words.keyHelp }],
};

/** The console: the sign-in, or the place of the address. */
export function App({ failure }: { failure: unknown }) {
  const { place } = useRoute();
  const who = useStore(session);
  const lost = useStore(sessionLost);
  if ((who === null && !lost) || (who !== null && who.role === null)) {
    return <Suspense fallback={null}>{who === null ? <SignIn failure={failure} /> : <ForSystems />}</Suspense>;
  }
  return (
    <>
      <Bands />
      <Boundary key={JSON.stringify({ ...place, mode: "" })}>
        <Suspense fallback={<Skeleton />}>{draw(place)}</Suspense>
      </Boundary>
      <HelpOnDemand />
      <Announcer />
      <Suspense fallback={null}>{lost && <SignedOutHere />}</Suspense>
    </>
  );
}

/** The help dialog, opened by its key or its button. */
function HelpOnDemand() {
  const [open, setOpen] = useState(false);
  useKeys(everywhere, { help: () => setOpen(true) });
  useEffect(() => {
    const show = () => setOpen(true);
    window.addEventListener("journeys:help", show);
    return () => window.removeEventListener("journeys:help", show);
  }, []);
  return open ? (
    <Suspense fallback={null}>
      <Help onClose={() => setOpen(false)} />
    </Suspense>
  ) : null;
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
          <Empty title={words.notFound} level={1}>
            <p className="dim">{words.notFoundDetail}</p>
            <LinkButton look="primary" href={href({ name: "journeys" })}>
              {words.toJourneys}
            </LinkButton>
          </Empty>
        </Page>
      );
  }
}
