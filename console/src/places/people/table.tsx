import words from "#words/people";
import { formatDuration } from "../../duration";
import { formatTime, formatUTC } from "../../format";
import type { GraphNode } from "../../graph/types";
import { href } from "../../route";
import { say } from "../../say";
import { Check } from "../../ui/field";
import { Icon, type IconName } from "../../ui/icon";
import type { Progress, Verdict } from "./bulk";
import type { Choice } from "./list";
import { type Entry, type Filter, writeFilter } from "./use-people";
import { reasonText, stepName } from "./words-of";

interface TableProps {
  id: string;
  filter: Filter;
  entries: readonly Entry[];
  nodes: ReadonlyMap<string, GraphNode>;
  choice: Choice;
  setChoice: (choice: Choice) => void;
  chooseAll: () => void;
  /** How many "all" are. */
  total: number;
  open: string | undefined;
  progress: Progress | null;
}

/** People as rows: since when, why, and what came of an action. */
export function Table(props: TableProps) {
  const { id, filter, entries, nodes, choice, setChoice, chooseAll, total, open, progress } = props;
  const isChosen = (customer: string) => choice.all || choice.ids.has(customer);
  const some = choice.all || entries.some(({ customerId }) => isChosen(customerId));
  const every = choice.all || (some && entries.every(({ customerId }) => isChosen(customerId)));
  const toggle = (customer: string) => {
    const ids = new Set(entries.map((e) => e.customerId).filter(isChosen));
    if (!ids.delete(customer)) ids.add(customer);
    setChoice({ all: false, ids });
  };
  const failed = filter.status === "failed";
  return (
    <div className="card people-table">
      <table className="table table--rows">
        <thead>
          <tr>
            <th scope="col" className="people-check">
              <Check
                hideLabel
                label={say(words.chooseAll, { n: total })}
                checked={every ? true : some ? "mixed" : false}
                onChange={(on) => (on ? chooseAll() : setChoice({ all: false, ids: new Set() }))}
              />
            </th>
            <th scope="col">{words.person}</th>
            {filter.step === "" && <th scope="col">{words.step}</th>}
            <th scope="col">{failed ? words.failedAt : words.since}</th>
            {failed ? <th scope="col">{words.why}</th> : <th scope="col">{words.due}</th>}
            <th scope="col" className="num only-wide">
              {words.versionShort}
            </th>
            {progress && <th scope="col">{words.actions[progress.action]}</th>}
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr
              key={entry.customerId}
              className={entry.customerId === open ? "is-selected" : undefined}
              onClick={openRow}
            >
              <td>
                <Check
                  hideLabel
                  label={entry.customerId}
                  checked={isChosen(entry.customerId)}
                  onChange={() => toggle(entry.customerId)}
                />
              </td>
              <td>
                <a
                  className="mono people-id"
                  aria-current={entry.customerId === open || undefined}
                  href={href({ name: "people", journey: id, customer: entry.customerId }, writeFilter(filter))}
                >
                  {entry.customerId}
                </a>
              </td>
              {filter.step === "" && <td>{stepName(entry.nodeId, nodes)}</td>}
              <td className="nowrap" title={formatUTC(entry.since)}>
                {formatTime(entry.since)}
              </td>
              <td>{failed ? reasonText(entry.exitReason) : <Due at={entry.dueAt} />}</td>
              <td className="num only-wide">{entry.version}</td>
              {progress && (
                <td>
                  <VerdictWord verdict={progress.verdicts.get(entry.customerId)} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Opens the person of a row wherever it is clicked, except on what is clicked for itself. */
function openRow({ target, currentTarget }: React.MouseEvent<HTMLElement>) {
  if (target instanceof Element && target.closest("a, button, label")) return;
  if (getSelection()?.type === "Range") return;
  currentTarget.querySelector<HTMLElement>("a.people-id")?.click();
}

function Due({ at }: { at: string | undefined }) {
  if (at === undefined) return <span className="dim">–</span>;
  const left = Date.parse(at) - Date.now();
  return (
    <span className="nowrap" title={formatUTC(at)}>
      {formatTime(at)}
      {left > 0 && <span className="dim">, {say(words.inTime, { time: formatDuration(left) })}</span>}
    </span>
  );
}

const signs: Record<Verdict, { icon?: IconName; tone: string }> = {
  todo: { tone: "dim" },
  asking: { icon: "refresh", tone: "" },
  trying: { icon: "refresh", tone: "" },
  went: { icon: "check", tone: "ok" },
  again: { icon: "alert", tone: "bad" },
  out: { icon: "leave", tone: "" },
  skipped: { icon: "minus", tone: "dim" },
  error: { icon: "alert", tone: "bad" },
};

/** What became of one person: sign, word and color. */
export function VerdictWord({ verdict }: { verdict: Verdict | undefined }) {
  if (verdict === undefined) return null;
  const { icon, tone } = signs[verdict];
  return (
    <span className={`state ${tone}`}>
      {icon && <Icon name={icon} />}
      {words.verdicts[verdict]}
    </span>
  );
}
