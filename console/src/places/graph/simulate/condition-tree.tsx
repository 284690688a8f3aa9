import words from "#words/simulate";
import type { Schemas } from "../../../api";
import { formatDuration } from "../../../duration";
import type { Json } from "../../../json";
import { say } from "../../../say";
import { Icon } from "../../../ui/icon";
import { periodMs } from "./solve";
import { testText, valueText } from "./words-of";

type Traced = Schemas["TracedCondition"];

/** A condition with what it saw: each test, the value beside it, and whether it holds. */
export function ConditionTree({ condition, name }: { condition: Traced; name: string }) {
  const group = groupOf(condition);
  return (
    <>
      <div className="row t2 dim">
        <span className="grow">{group?.title}</span>
        <span>{say(words.has, { name })}</span>
      </div>
      <ul>{group ? group.parts.map((part, i) => <Part key={i} part={part} />) : <Part part={condition} />}</ul>
    </>
  );
}

interface Group {
  title: string;
  parts: Traced[];
}

function groupOf(condition: Traced): Group | undefined {
  if ("all" in condition) return { title: words.allOf, parts: condition.all };
  if ("any" in condition) return { title: words.anyOf, parts: condition.any };
  if (!("not" in condition)) return undefined;
  const inner = condition.not;
  return "any" in inner ? { title: words.noneOf, parts: inner.any } : { title: words.not, parts: [inner] };
}

function Part({ part }: { part: Traced }) {
  const group = groupOf(part);
  if (group === undefined) return <Leaf leaf={part} />;
  return (
    <>
      <li className="leaf">
        <Sign holds={part.result} />
        <span>
          {group.title}
          <Holds holds={part.result} />
        </span>
      </li>
      <li>
        <ul className="leafs">
          {group.parts.map((inner, i) => (
            <Part key={i} part={inner} />
          ))}
        </ul>
      </li>
    </>
  );
}

function Leaf({ leaf }: { leaf: Traced }) {
  const { field, test, actual, cut } = readLeaf(leaf);
  return (
    <li className="leaf">
      <Sign holds={leaf.result} />
      <span>
        <code>{field}</code> <span className="dim">{test}</span>
        <Holds holds={leaf.result} />
      </span>
      <span className="actual" title={cut ? words.cut : undefined}>
        {actual ?? <span className="dimmer">{"event" in leaf ? words.none : words.notThere}</span>}
        {cut && "…"}
      </span>
    </li>
  );
}

function readLeaf(leaf: Traced): { field: string; test: string; actual: string | undefined; cut?: boolean } {
  if ("field" in leaf) {
    const actual = leaf.actual as Json | undefined;
    return {
      field: leaf.field,
      test: testText(leaf.operator, leaf.value as Json),
      actual: actual === undefined ? undefined : valueText(actual),
      cut: leaf.actualCut === true,
    };
  }
  if ("event" in leaf) {
    const time = formatDuration(periodMs(leaf.since as Json));
    const test = leaf.since === "entry" ? words.happenedEntry : say(words.happenedIn, { time });
    return { field: leaf.event, test, actual: leaf.result ? words.some : undefined };
  }
  return { field: "", test: "", actual: undefined };
}

function Sign({ holds }: { holds: boolean }) {
  return (
    <span className={holds ? "ok" : "dimmer"}>
      <Icon name={holds ? "check" : "close"} />
    </span>
  );
}

function Holds({ holds }: { holds: boolean }) {
  return <span className="sr">, {holds ? words.isTrue : words.isFalse}</span>;
}
