import words from "#words/forms";
import { ConditionBuilder } from "../condition/builder";
import { locale } from "../format";
import { isExact, type Json, type JsonObject, same, scalarText } from "../json";
import { say } from "../say";
import { Button, IconButton } from "../ui/button";
import { FaultLine } from "../ui/field";
import { checkWayName, faultAt, faultsIn, NumberField, Text, wayNameOf } from "./fields";
import { moved, objectOf, objectsOf, type StepForm } from "./form";
import { withKey } from "./keys";

/** The form of a split by one condition. */
export function ConditionForm({ config, context, faults, set }: StepForm) {
  return (
    <div className="sec">
      <ConditionBuilder
        silent
        label={words.yesWhen}
        value={objectOf(config["condition"])}
        context={context}
        faults={faultsIn(faults, "/condition")}
        onChange={(value) => set("condition", value ?? undefined)}
      />
    </div>
  );
}

function idsOf(branches: readonly JsonObject[], but?: number): string[] {
  return branches.flatMap((branch, i) => (i === but ? [] : [scalarText(branch["id"])]));
}

interface BranchHeadProps {
  form: StepForm;
  branches: readonly JsonObject[];
  at: number;
  change: (branches: JsonObject[]) => void;
  least: number;
  children?: React.ReactNode;
}

/** The name of a way with its verbs. */
function BranchHead({ form, branches, at, change, least, children }: BranchHeadProps) {
  const branch = branches[at] ?? {};
  const name = scalarText(branch["id"]);
  return (
    <div className="row row--top row--1">
      <Text
        label={words.wayShort}
        className="grow"
        mono
        required={words.needsName}
        check={(id) => checkWayName(id, idsOf(branches, at))}
        value={branch["id"]}
        fault={faultAt(form.faults, `/branches/${at}/id`)}
        onChange={(id) => change(branches.with(at, withKey(branch, "id", id)))}
      />
      {children}
      <span className="branch-verbs">
        <IconButton
          small
          icon="chevron-up"
          label={say(words.moveUp, { name })}
          disabled={at === 0}
          onClick={() => change(moved(branches, at, -1))}
        />
        <IconButton
          small
          icon="chevron-down"
          label={say(words.moveDown, { name })}
          disabled={at === branches.length - 1}
          onClick={() => change(moved(branches, at, 1))}
        />
        <IconButton
          small
          icon="trash"
          label={say(words.removeThis, { name })}
          disabled={branches.length <= least}
          onClick={() => change(branches.toSpliced(at, 1))}
        />
      </span>
    </div>
  );
}

interface AddWayProps {
  branches: readonly JsonObject[];
  most: number;
  /** A new branch of this name. */
  make: (id: string) => JsonObject;
  change: (branches: JsonObject[]) => void;
}

/** Adds a way; the first time two, which is the least. */
function AddWay({ branches, most, make, change }: AddWayProps) {
  if (branches.length >= most) return null;
  const add = () => {
    const next = [...branches];
    do next.push(make(wayNameOf(`way-${next.length + 1}`, idsOf(next))));
    while (next.length < 2);
    change(next);
  };
  return (
    <div className="row">
      <Button small icon="plus" onClick={add}>
        {branches.length === 0 ? words.twoWays : words.addWay}
      </Button>
    </div>
  );
}

/** A way must have a condition: without any line it is for no one. */
const noOne: JsonObject = { any: [] };

/** The form of a split into several ways by conditions. */
export function MultiForm(form: StepForm) {
  const { config, context, faults, set, settings } = form;
  const branches = objectsOf(config["branches"]);
  const change = (next: readonly JsonObject[]) => set("branches", [...next]);
  return (
    <div className="sec">
      <p className="help">{words.ordered}</p>
      {branches.map((branch, i) => (
        <div
          key={i}
          className="well col gap-3"
          role="group"
          aria-label={say(words.way, { name: scalarText(branch["id"]) })}
        >
          <BranchHead form={form} branches={branches} at={i} change={change} least={2} />
          <ConditionBuilder
            label={words.entryCondition}
            value={same(branch["condition"], noOne) ? null : objectOf(branch["condition"])}
            context={context}
            faults={faultsIn(faults, `/branches/${i}/condition`)}
            onChange={(value) => change(branches.with(i, { ...branch, condition: value ?? noOne }))}
          />
        </div>
      ))}
      <AddWay
        branches={branches}
        most={settings?.limits.maxMultiSplitBranches ?? 7}
        make={(id) => ({ id, condition: noOne })}
        change={change}
      />
      <FaultLine text={faults.find(({ pointer }) => pointer === "/branches")?.detail} />
    </div>
  );
}

const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });

/** The share of each branch, such as "33.3%". "–" where nothing has a weight. */
export function sharesOf(branches: readonly JsonObject[]): string[] {
  const weights = branches.map(({ weight }) => Number(isExact(weight) ? weight.rawJSON : weight) || 0);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => (sum === 0 ? "–" : percent.format(weight / sum)));
}

/** The form of a split by chance. */
export function RandomForm(form: StepForm) {
  const { config, faults, set, settings } = form;
  const branches = objectsOf(config["branches"]);
  const shares = sharesOf(branches);
  const change = (next: readonly JsonObject[]) => set("branches", [...next]);
  const setWeight = (i: number, weight: Json | undefined) =>
    change(branches.with(i, withKey(branches[i] ?? {}, "weight", weight)));
  const none = branches.length > 0 && shares[0] === "–" ? words.needsWeight : undefined;
  return (
    <div className="sec">
      {branches.map((branch, i) => (
        <div key={i} role="group" aria-label={say(words.way, { name: scalarText(branch["id"]) })}>
          <BranchHead form={form} branches={branches} at={i} change={change} least={2}>
            <NumberField
              label={words.weight}
              className="form-number"
              whole
              required
              min={0}
              max={settings?.limits.maxBranchWeight ?? 10_000}
              value={branch["weight"]}
              fault={faultAt(faults, `/branches/${i}/weight`)}
              onChange={(weight) => setWeight(i, weight)}
            />
            <span className="share num">
              <span className="sr">{words.share} </span>
              {shares[i]}
            </span>
          </BranchHead>
        </div>
      ))}
      <AddWay
        branches={branches}
        most={settings?.limits.maxRandomSplitBranches ?? 8}
        make={(id) => ({ id, weight: branches.length === 0 ? 50 : 10 })}
        change={change}
      />
      <FaultLine text={none ?? faults.find(({ pointer }) => pointer === "/branches")?.detail} />
      <Text
        label={words.salt}
        help={words.saltHelp}
        value={config["salt"]}
        fault={faultAt(faults, "/salt")}
        onChange={(value) => set("salt", value)}
      />
    </div>
  );
}
