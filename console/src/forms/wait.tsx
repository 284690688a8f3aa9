import { useState } from "react";
import words from "#words/forms";
import { PeriodInput } from "../condition/value";
import { isObject, type JsonObject, scalarText } from "../json";
import { FaultLine, Segments } from "../ui/field";
import { Awaited } from "./awaited";
import { faultAt } from "./fields";
import type { StepForm } from "./form";
import { replaceKey, withKey } from "./keys";
import { Until } from "./until";

/** How the end of a wait is given. */
export type WaitMode = "while" | "date" | "time";

const timeKeys = ["delay", "delayHours", "until"];

/** Returns how a wait ends. */
export function modeOf(config: JsonObject): WaitMode {
  const until = config["until"];
  if (!isObject(until)) return "while";
  return "field" in until || "at" in until ? "date" : "time";
}

/** Returns the config with another end, in the place of the one before. */
export function withEnd(
  config: JsonObject,
  key: "delay" | "delayHours" | "until",
  value: JsonObject[string],
): JsonObject {
  const old = timeKeys.filter((one) => config[one] !== undefined);
  const [first, ...others] = old.includes(key) ? [key, ...old.filter((one) => one !== key)] : old;
  const next = replaceKey(config, first ?? key, key, value);
  return others.reduce((left, other) => withKey(left, other, undefined), next);
}

/** The form of a wait. */
export function WaitForm(form: StepForm) {
  const { config, put, settings } = form;
  const [wanted, setWanted] = useState<WaitMode>();
  const mode = wanted ?? modeOf(config);
  const choose = (next: WaitMode) => {
    setWanted(next === "date" && modeOf(config) !== "date" ? "date" : undefined);
    if (next === modeOf(config)) return;
    if (next === "while") put(withEnd(config, "delay", { value: 1, unit: "days" }), "delay");
    if (next === "time") put(withEnd(config, "until", { time: "09:00" }), "until");
  };
  const setUntil = (until: JsonObject) => {
    setWanted(undefined);
    put(withEnd(config, "until", until), "until");
  };
  const hours = config["delayHours"];
  const delay = config["delay"];
  const period = isObject(delay) ? delay : { value: hours ?? undefined, unit: "hours" };
  const setPeriod = (next: JsonObject) => {
    if (next["value"] === undefined) return; // only the unit was chosen yet
    const stays = !isObject(delay) && scalarText(hours) !== "" && next["unit"] === "hours";
    put(stays ? withEnd(config, "delayHours", next["value"]) : withEnd(config, "delay", next), "delay");
  };
  const until = isObject(config["until"]) ? config["until"] : undefined;
  const most = config["waitForEvent"] === undefined || config["waitForEvent"] === null ? words.for : words.atMost;
  return (
    <>
      <div className="sec">
        <Segments
          full
          small
          label={words.waitFor}
          value={mode}
          options={[
            ["while", words.aWhile],
            ["date", words.aDate],
            ["time", words.aTime],
          ]}
          onChange={choose}
        />
        {mode === "while" && (
          <div className="row row--top">
            <span className="label form-lead">{most}</span>
            <div className="grow">
              <PeriodInput period={period} maxHours={settings?.limits.maxWaitHours ?? 8760} onChange={setPeriod} />
            </div>
          </div>
        )}
        {mode !== "while" && (
          <Until {...form} until={mode === modeOf(config) ? until : undefined} mode={mode} change={setUntil} />
        )}
        <FaultLine text={faultAt(form.faults, "/delay") ?? faultAt(form.faults, "/delayHours")} />
      </div>
      <Awaited {...form} />
    </>
  );
}
