import { useId, useRef, useState } from "react";
import words from "#words/build";
import { kindOf, nameOf } from "../../../graph/describe";
import { Tile } from "../../../graph/tile";
import type { Graph, GraphNode } from "../../../graph/types";
import { say } from "../../../say";
import { Icon } from "../../../ui/icon";

/** The id of the field, for the key that goes to it. */
export const findField = "find-step";
const shown = 8;

/** Finds a step by its name, kind or id. */
export function FindStep({ graph, onFind }: { graph: Graph; onFind: (id: string) => void }) {
  const list = useId();
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const found = text.trim() === "" ? [] : graph.nodes.filter((node) => matches(node, text)).slice(0, shown);
  const choose = (node: GraphNode | undefined) => {
    if (node === undefined) return;
    setText("");
    field.current?.blur();
    onFind(node.id);
  };
  const press = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && found.length > 0) {
      event.preventDefault();
      setAt((at + step + found.length) % found.length);
    } else if (event.key === "Enter") {
      choose(found[at]);
    } else if (event.key === "Escape") {
      setText("");
      field.current?.blur();
    }
  };
  return (
    <span className="search find-step">
      <Icon name="search" />
      <input
        ref={field}
        id={findField}
        className="input"
        type="search"
        role="combobox"
        autoComplete="off"
        placeholder={words.find}
        aria-label={words.find}
        aria-expanded={found.length > 0}
        aria-controls={list}
        aria-activedescendant={found[at] ? `${list}-${at}` : undefined}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={press}
        onBlur={() => setText("")}
      />
      <kbd>/</kbd>
      <span className="sr" role="status">
        {text.trim() === "" ? "" : say(words.foundSteps, { n: found.length })}
      </span>
      <div id={list} role="listbox" aria-label={words.find} className="pop find-list" hidden={text.trim() === ""}>
        {found.map((node, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
          <div
            key={node.id}
            id={`${list}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === at}
            className="item"
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(node)}
          >
            <Tile of={kindOf(node)} small />
            <span className="cut">{nameOf(node)}</span>
          </div>
        ))}
        {found.length === 0 && <p className="pop-title">{words.noneFound}</p>}
      </div>
    </span>
  );
}

function matches(node: GraphNode, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return [nameOf(node), kindOf(node).word, node.id].some((name) => name.toLowerCase().includes(wanted));
}
