import { useEffect, useRef } from "react";
import words from "#words/versions";
import { kindOf, nameOf } from "../../../graph/describe";
import type { Difference } from "../../../graph/diff";
import { settingName } from "../../../graph/leaves";
import { Tile } from "../../../graph/tile";
import type { Graph } from "../../../graph/types";
import { say } from "../../../say";
import { Icon, type IconName } from "../../../ui/icon";
import { around } from "./union";

interface ChangesProps {
  differences: readonly Difference[];
  a: Graph;
  b: Graph;
  selected: string | null;
  onSelect: (id: string) => void;
}

/** What differs, step by step: before, then after. */
export function Changes({ differences, ...shared }: ChangesProps) {
  return (
    <ul className="changes">
      {differences.map((difference) => (
        <Change key={difference.nodeId ?? `setting ${difference.setting}`} difference={difference} {...shared} />
      ))}
    </ul>
  );
}

const chips = {
  added: { className: "chip--ok", icon: "plus" },
  removed: { className: "chip--bad", icon: "minus" },
  changed: { className: "chip--warn", icon: "pencil" },
} as const satisfies Record<Difference["kind"], { className: string; icon: IconName }>;

function Change({
  difference,
  a,
  b,
  selected,
  onSelect,
}: Omit<ChangesProps, "differences"> & { difference: Difference }) {
  const { kind, nodeId, setting, fields } = difference;
  const chip = chips[kind];
  const chosen = nodeId !== null && nodeId === selected;
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (chosen) item.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <li ref={item} className={chosen ? "is-selected" : undefined}>
      <div className="row">
        {nodeId === null ? (
          <SettingTitle setting={setting ?? ""} />
        ) : (
          <StepTitle id={nodeId} a={a} b={b} onSelect={onSelect} />
        )}
        <span className={`chip ${chip.className}`}>
          <Icon name={nodeId === null ? "settings" : chip.icon} />
          {words[kind]}
        </span>
      </div>
      {nodeId !== null && kind !== "changed" && (
        <p className="t2 dim">{placeOf(kind === "added" ? b : a, nodeId, kind)}</p>
      )}
      {fields.map(({ name, before, after }, i) => (
        <div key={`${name} ${i}`} className="t2 ver-field">
          <span className="dim">{name}</span>
          <span className="diff">
            <del>{before}</del>
            <span className="row row--1 row--top">
              <Icon name="arrow-right" small />
              <ins className="med">{after}</ins>
            </span>
          </span>
        </div>
      ))}
    </li>
  );
}

function StepTitle({ id, a, b, onSelect }: { id: string; a: Graph; b: Graph; onSelect: (id: string) => void }) {
  const node = b.nodes.find((other) => other.id === id) ?? a.nodes.find((other) => other.id === id);
  if (!node) return <span className="grow">{id}</span>;
  const look = kindOf(node);
  return (
    <>
      <Tile of={look} small title={look.word} />
      <button type="button" className="link-plain med grow cut" onClick={() => onSelect(id)}>
        {nameOf(node)}
      </button>
    </>
  );
}

function SettingTitle({ setting }: { setting: string }) {
  const icons: Readonly<Record<string, IconName>> = { goal: "goal", timezone: "zone" };
  return (
    <>
      <Tile of={{ kind: "k-exit", icon: icons[setting] ?? "leave" }} small />
      <span className="med grow">{say(words.settingOf, { name: settingName(setting) })}</span>
    </>
  );
}

/** Where a step stands, or stood. */
function placeOf(graph: Graph, id: string, kind: "added" | "removed"): string {
  const steps = around(graph, id);
  const names = (nodes: readonly Parameters<typeof nameOf>[0][]) => nodes.map(nameOf).join(", ");
  const [before, after] = [names(steps.before), names(steps.after)];
  if (before === "") return words.stoodAlone;
  if (kind === "added") return say(words.comesAfter, { names: before });
  return after === "" ? say(words.stoodAfter, { before }) : say(words.stoodBetween, { before, after });
}
