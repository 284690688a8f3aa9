import { useState } from "react";
import words from "#words/build";
import { startPaletteDrag } from "../../../graph/pull";
import { Tile } from "../../../graph/tile";
import type { NodeType } from "../../../graph/types";
import { rich } from "../../../say";
import { Icon, type IconName } from "../../../ui/icon";
import { addable, looksOf } from "./kinds";

/** The parts of a journey that are not steps. */
export const parts = ["entry", "reentry", "exits", "goal", "zone"] as const;
export type Part = (typeof parts)[number];

const partLooks: Record<Part, [IconName, string]> = {
  entry: ["entry", words.partEntry],
  reentry: ["refresh", words.partReentry],
  exits: ["leave", words.partExits],
  goal: ["goal", words.partGoal],
  zone: ["zone", words.partZone],
};

/** The name of a part. */
export const partName = (part: Part): string => partLooks[part][1];

interface PaletteProps {
  readOnly: boolean;
  part: Part | null;
  onAdd: (type: NodeType) => void;
  onPart: (part: Part) => void;
}

/** What can be added, and what belongs to the whole journey. One stop of the Tab key; arrows move in it. */
export function Palette({ readOnly, part, onAdd, onPart }: PaletteProps) {
  const [at, setAt] = useState(0);
  const types = readOnly ? [] : addable;
  const move = (event: React.KeyboardEvent<HTMLElement>) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const all = [...event.currentTarget.querySelectorAll("button")];
    const next = (all.indexOf(event.target as HTMLButtonElement) + step + all.length) % all.length;
    setAt(next);
    all[next]?.focus();
  };
  return (
    <nav className="panel panel--start palette only-wide scroll" aria-label={words.palette} onKeyDown={move}>
      {!readOnly && <h2>{words.add}</h2>}
      {types.map((type, i) => {
        const look = looksOf(type);
        return (
          <button
            key={type}
            type="button"
            className="pitem"
            tabIndex={i === at ? 0 : -1}
            onClick={() => onAdd(type)}
            onPointerDown={(event) => startPaletteDrag(event, type)}
          >
            <Tile of={look} small />
            {look.word}
          </button>
        );
      })}
      {!readOnly && (
        <>
          <p className="t2 dim palette-hint">{rich(words.drag, { key: <kbd key="a">A</kbd> })}</p>
          <div className="hr palette-line" />
        </>
      )}
      <h2>{words.whole}</h2>
      {parts.map((name, i) => (
        <button
          key={name}
          type="button"
          className="pitem pitem--plain"
          tabIndex={types.length + i === at ? 0 : -1}
          aria-current={name === part ? "true" : undefined}
          onClick={() => onPart(name)}
        >
          <Icon name={partLooks[name][0]} />
          {partLooks[name][1]}
        </button>
      ))}
    </nav>
  );
}
