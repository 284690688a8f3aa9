import { type ReactNode, useEffect } from "react";
import words from "#words/shell";
import { href, type Place } from "./route";
import { say } from "./say";
import { session, signOut } from "./session";
import { useStore } from "./store";
import { IconButton } from "./ui/button";
import { Icon } from "./ui/icon";
import { Menu } from "./ui/menu";

interface PageProps {
  title: string;
  /** Where the page belongs; nowhere by default. */
  place?: "journeys" | "customers" | "settings";
  children: ReactNode;
}

/** A page below the top bar with the three places. */
export function Page({ title, place, children }: PageProps) {
  useTitle(title);
  const who = useStore(session);
  return (
    <div className="app app--page">
      <SkipLink />
      <header className="bar">
        <Brand />
        <nav className="places" aria-label={words.places}>
          <PlaceLink to="journeys" here={place} />
          {who?.role !== "viewer" && <PlaceLink to="customers" here={place} />}
          <PlaceLink to="settings" here={place} />
        </nav>
        <div className="push">
          <Account />
        </div>
      </header>
      <main id="main" className="scroll" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

/** Sets the title of the browser's tab. */
export function useTitle(title: string) {
  useEffect(() => {
    document.title = title === words.title ? title : `${title} · ${words.title}`;
  }, [title]);
}

/** The first stop of the Tab key: past the bars. */
export function SkipLink() {
  return (
    <button type="button" className="skip" onClick={() => document.getElementById("main")?.focus()}>
      {words.skip}
    </button>
  );
}

/** The product's sign and name: the way to the journeys. */
export function Brand() {
  return (
    <a className="brand" href={href({ name: "journeys" })}>
      <Icon name="logo" />
      <span>{words.title}</span>
    </a>
  );
}

function PlaceLink({ to, here }: { to: NonNullable<PageProps["place"]>; here: PageProps["place"] }) {
  const place: Place = { name: to };
  return (
    <a className="place" href={href(place)} aria-current={to === here ? "page" : undefined}>
      {words[to]}
    </a>
  );
}

/** The keys of the console, and who is signed in. */
export function Account() {
  const who = useStore(session);
  if (who === null || who.role === null) return null;
  const label = say(words.account, { name: who.name, role: words[who.role], tenant: who.tenant });
  return (
    <div className="row row--1">
      <IconButton icon="help" label={words.help} onClick={() => window.dispatchEvent(new Event("journeys:help"))} />
      <Menu
        label={label}
        className="avatar"
        items={[
          { icon: "settings", label: words.settings, href: href({ name: "settings" }) },
          null,
          { icon: "leave", label: words.signOut, run: () => void signOut() },
        ]}
      >
        {initials(who.name)}
      </Menu>
    </div>
  );
}

function initials(name: string): string {
  const parts = name.split(/[\s._@-]+/).filter(Boolean);
  return ((parts[0]?.[0] ?? "?") + (parts.length > 1 ? (parts.at(-1)?.[0] ?? "") : "")).toUpperCase();
}
