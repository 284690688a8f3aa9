import words from "#words/people";
import { isObject, type Json, type JsonObject, scalarText } from "../../json";
import { href } from "../../route";
import { say } from "../../say";
import { LinkButton } from "../../ui/button";
import { useCustomer } from "./use-customer";

/** Returns the paths of an object's values: "cart.total". Arrays are values. */
export function flatten(value: JsonObject, before = ""): [string, Json][] {
  return Object.entries(value).flatMap(([key, inner]): [string, Json][] => {
    const path = before + key;
    if (isObject(inner) && Object.keys(inner).length > 0) return flatten(inner, `${path}.`);
    return inner === undefined ? [] : [[path, inner]];
  });
}

const shown = 6;

/** The first attributes of a person, with the way to all of them. */
export function AttributesSection({ customer }: { customer: string }) {
  const { data, isError } = useCustomer(customer);
  if (data === undefined && !isError) return null;
  const all = data ? flatten(data.data.attributes as JsonObject) : [];
  return (
    <div className="sec sec--tight">
      <h3 className="sec-title">
        <span className="grow">{words.attributes}</span>
        <LinkButton small look="quiet" href={href({ name: "customer", customer })}>
          {all.length === 0 ? words.toCustomer : say(words.allAttributes, { n: all.length })}
        </LinkButton>
      </h3>
      {all.length === 0 ? (
        <p className="t2 dim">{isError ? words.attributesFailed : words.noAttributes}</p>
      ) : (
        <dl className="facts t2">
          {all.slice(0, shown).map(([path, value]) => (
            <div key={path} className="people-fact">
              <dt>{path}</dt>
              <dd>{scalarText(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}
