import words from "#words/simulate";
import type { Schemas } from "../../../api";
import type { Editor } from "../../../graph/editor";
import { href } from "../../../route";
import { say } from "../../../say";
import { IconButton, LinkButton } from "../../../ui/button";
import { Icon } from "../../../ui/icon";
import type { Coverage } from "./coverage";

interface SimulateBarProps {
  editor: Editor;
  journey: Schemas["Journey"];
  /** Absent while there are no personas. */
  coverage: Coverage | undefined;
}

/** What is simulated, and how much of it the personas cover. */
export function SimulateBar({ editor, journey, coverage }: SimulateBarProps) {
  const { journeyId, hasDraft } = editor;
  const { status, version } = journey;
  const isDraft = hasDraft || status === "draft";
  const quiet = editor.undoes === null && !coverage?.lines.length; // then a phone has nothing to show here
  return (
    <section className={quiet ? "bar only-wide" : "bar"} aria-label={words.bar}>
      <span className={isDraft ? "chip chip--accent only-wide" : "chip only-wide"}>
        {isDraft && <Icon name="pencil" />}
        {status === "draft"
          ? words.draft
          : say(hasDraft ? words.draftOf : words.version, { n: hasDraft ? version + 1 : version })}
      </span>
      <span className="dim only-wide">{words.nothing}</span>
      <span className="push row row--3">
        {editor.undoes !== null && (
          <IconButton icon="undo" label={say(words.undoes, { change: editor.undoes })} onClick={() => editor.undo()} />
        )}
        {coverage && coverage.lines.length > 0 && <Covered coverage={coverage} />}
        <span className="only-wide row">
          <LinkButton icon="build" href={href({ name: "graph", journey: journeyId, mode: "build" })}>
            {words.toBuild}
          </LinkButton>
          <LinkButton
            icon="launch"
            look={coverage ? "primary" : "plain"}
            href={href({ name: "launch", journey: journeyId })}
          >
            {words.launch}
          </LinkButton>
        </span>
      </span>
    </section>
  );
}

function Covered({ coverage: { lines, taken } }: { coverage: Coverage }) {
  const share = (100 * taken.size) / lines.length;
  return (
    <span className="row row--2" role="status">
      <span className="semi">{say(words.covered, { taken: taken.size, all: lines.length })}</span>
      <span className="dim">{words.coveredBy}</span>
      <span className="meter meter--bar only-wide" aria-hidden="true">
        <i style={{ "--w": `${share.toFixed(2)}%` } as React.CSSProperties} />
      </span>
    </span>
  );
}
