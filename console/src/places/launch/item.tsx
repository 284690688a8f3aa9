import type { ReactNode } from "react";
import { Icon, type IconName } from "../../ui/icon";

interface ItemProps {
  tone: "ok" | "warn" | "bad" | "info";
  icon: IconName;
  title: string;
  action?: ReactNode;
  children: ReactNode;
}

/** One thing to read before the launch. */
export function Item({ tone, icon, title, action, children }: ItemProps) {
  return (
    <li>
      <span className={`sign sign--${tone}`}>
        <Icon name={icon} />
      </span>
      <div className="col gap-2">
        <h2 className="semi">{title}</h2>
        {children}
      </div>
      <div>{action}</div>
    </li>
  );
}

/** Facts as pairs of a word and what holds. */
export function Facts({ rows }: { rows: readonly (readonly [word: ReactNode, fact: ReactNode] | false)[] }) {
  return (
    <dl className="facts">
      {rows.map(
        (row, i) =>
          row && (
            <div key={`row ${i + 1}`} className="people-fact">
              <dt>{row[0]}</dt>
              <dd>{row[1]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
