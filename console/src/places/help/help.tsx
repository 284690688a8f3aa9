import words from "#words/help";
import { type KeyTable, keyTables } from "../../keys";
import { useStore } from "../../store";
import { Dialog } from "../../ui/dialog";
import { Icon, type IconName } from "../../ui/icon";
import "../../style/help.css";
import { writeKey } from "./write-key";

const modes: readonly [IconName, string, string][] = [
  ["build", words.build, words.buildDetail],
  ["simulate", words.simulate, words.simulateDetail],
  ["live", words.live, words.liveDetail],
  ["versions", words.versions, words.versionsDetail],
];

const terms: readonly [string, string][] = [
  [words.inside, words.insideDetail],
  [words.finished, words.finishedDetail],
  [words.left, words.leftDetail],
  [words.failed, words.failedDetail],
  [words.converted, words.convertedDetail],
  [words.draft, words.draftDetail],
  [words.paused, words.pausedDetail],
];

/** The keys that work on the present page, and what the modes and words mean. */
export default function Help({ onClose }: { onClose: () => void }) {
  const tables = useStore(keyTables);
  return (
    <Dialog title={words.title} onClose={onClose} wide>
      <div className="help-columns">
        <section className="col gap-4" aria-label={words.keys}>
          {tables.map((table) => (
            <Keys key={table.title} table={table} />
          ))}
          <p className="help">{words.keysDetail}</p>
        </section>
        <section className="col gap-4" aria-label={words.meanings}>
          <h3 className="sec-title">{words.modes}</h3>
          <ul className="col gap-3">
            {modes.map(([icon, name, detail]) => (
              <li key={name} className="row row--3 row--top">
                <Icon name={icon} />
                <span>
                  <b>{name}</b> <span className="dim">{detail}</span>
                </span>
              </li>
            ))}
          </ul>
          <h3 className="sec-title">{words.terms}</h3>
          <dl className="facts">
            {terms.map(([term, detail]) => (
              <Term key={term} term={term} detail={detail} />
            ))}
          </dl>
        </section>
      </div>
    </Dialog>
  );
}

function Keys({ table }: { table: KeyTable }) {
  return (
    <div className="col gap-1">
      <h3 className="sec-title">{table.title}</h3>
      <dl className="help-keys">
        {table.rows.map((row) => (
          <div key={row.name} className="row">
            <dt className="grow">{row.does}</dt>
            <dd className="row row--1">
              {row.keys.map((key, i) => (
                <span key={key} className="row row--1">
                  {i > 0 && <span className="dim">{words.or}</span>}
                  {writeKey(key).map((part) => (
                    <kbd key={part}>{part}</kbd>
                  ))}
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Term({ term, detail }: { term: string; detail: string }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{detail}</dd>
    </>
  );
}
