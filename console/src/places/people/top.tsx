import words from "#words/people";
import type { Schemas } from "../../api";
import { Account, Brand } from "../../frame";
import { href, modes } from "../../route";
import { Icon } from "../../ui/icon";
import { StatusChip } from "../../ui/status";

/** The top bar of a journey, beside its modes. */
export function TopBar({ id, journey }: { id: string; journey: Schemas["Journey"] | undefined }) {
  return (
    <header className="bar bar--3 people-top">
      <div className="row">
        <Brand />
        <span className="crumb" aria-hidden="true">
          /
        </span>
        <h1 className="semi cut" title={journey?.name}>
          {journey?.name ?? ""}
        </h1>
        {journey && <StatusChip status={journey.status} />}
      </div>
      <nav className="seg only-wide" aria-label={words.modes}>
        {modes.map((mode) => (
          <a
            key={mode}
            href={href({ name: "graph", journey: id, mode })}
            aria-current={mode === "live" ? "page" : undefined}
          >
            <Icon name={mode} />
            {words.mode[mode]}
          </a>
        ))}
      </nav>
      <div className="row push">
        <Account />
      </div>
    </header>
  );
}
