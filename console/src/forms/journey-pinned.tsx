import words from "#words/forms";
import { ConditionBuilder } from "../condition/builder";
import { eventTypesOf } from "../condition/names";
import { isObject, type JsonObject, scalarText } from "../json";
import { say } from "../say";
import { Button, IconButton } from "../ui/button";
import { Choice, checkEventType, faultAt, faultsIn, NumberField, Text } from "./fields";
import { objectOf } from "./form";
import type { JourneySectionForm } from "./journey-form";
import { withKey } from "./keys";
import { EventRule, NewItem } from "./rule";
import { zones } from "./zones";

/** The events and the condition that take people out. */
export function ExitsSection({ work, settings, context, faults, onPinned }: JourneySectionForm) {
  const exits = work.exitOn;
  const change = (next: typeof exits) => onPinned({ exitOn: next }, "exitOn");
  const when = work.exitWhen;
  const setWhen = (next: JsonObject | null) => onPinned({ exitWhen: next }, "exitWhen");
  return (
    <>
      <div className="sec">
        <h3 className="sec-title">{words.exitEvents}</h3>
        {exits.map((exit, i) =>
          isObject(exit) ? (
            <div key={i} className="well col gap-3" role="group" aria-label={`${words.event} ${i + 1}`}>
              <EventRule
                rule={exit}
                context={context}
                faults={faultsIn(faults, `/exitOn/${i}`)}
                onChange={(next) => change(exits.with(i, next))}
              />
              <div className="row row--top">
                <Text
                  label={words.exitReason}
                  className="grow"
                  placeholder={`event:${scalarText(exit["eventType"])}`}
                  value={exit["reason"]}
                  fault={faultAt(faults, `/exitOn/${i}/reason`)}
                  onChange={(value) => change(exits.with(i, withKey(exit, "reason", value)))}
                />
                <Choice
                  label={words.exitAs}
                  className="grow"
                  value={exit["as"]}
                  fault={faultAt(faults, `/exitOn/${i}/as`)}
                  options={[
                    ["cancelled", words.asCancelled],
                    ["completed", words.asCompleted],
                  ]}
                  onChange={(value) => change(exits.with(i, withKey(exit, "as", value)))}
                />
                <span className="branch-verbs">
                  <IconButton
                    small
                    icon="trash"
                    label={say(words.removeThis, { name: scalarText(exit["eventType"]) })}
                    onClick={() => change(exits.toSpliced(i, 1))}
                  />
                </span>
              </div>
            </div>
          ) : null,
        )}
        {exits.length < (settings?.limits.maxExits ?? 10) && (
          <NewItem
            label={words.addExit}
            options={eventTypesOf(context.names)}
            check={checkEventType}
            onAdd={(eventType) => change([...exits, { eventType }])}
          />
        )}
      </div>
      <div className="sec">
        <p className="help">{words.exitWhenHelp}</p>
        <ConditionBuilder
          label={words.exitWhen}
          value={objectOf(when?.["condition"])}
          context={context}
          faults={faultsIn(faults, "/exitWhen/condition")}
          onChange={(condition) => setWhen(condition && { ...when, condition })}
        />
        {when && (
          <Text
            label={words.exitReason}
            placeholder="exit_condition"
            value={when["reason"]}
            fault={faultAt(faults, "/exitWhen/reason")}
            onChange={(value) => setWhen(withKey(when, "reason", value))}
          />
        )}
      </div>
    </>
  );
}

/** The event that the journey is for. */
export function GoalSection({ work, settings, context, faults, onPinned }: JourneySectionForm) {
  const goal = work.goal;
  const change = (next: JsonObject | null) => onPinned({ goal: next }, "goal");
  if (goal === null) {
    return (
      <div className="sec">
        <NewItem
          label={words.goalEvent}
          options={eventTypesOf(context.names)}
          check={checkEventType}
          onAdd={(eventType) => change({ eventType, windowDays: 30 })}
        />
      </div>
    );
  }
  return (
    <div className="sec">
      <EventRule rule={goal} context={context} faults={faultsIn(faults, "/goal")} onChange={change} />
      <NumberField
        label={words.windowDays}
        whole
        required
        min={0}
        max={settings?.limits.maxGoalWindowDays ?? 90}
        value={goal["windowDays"]}
        fault={faultAt(faults, "/goal/windowDays")}
        onChange={(value) => change(withKey(goal, "windowDays", value))}
      />
      <div className="row">
        <Button small icon="trash" onClick={() => change(null)}>
          {words.noGoal}
        </Button>
      </div>
    </div>
  );
}

/** The time zone of people who have none. */
export function ZoneSection({ work, faults, onPinned }: JourneySectionForm) {
  return (
    <div className="sec form-part">
      <Choice
        label={words.timezone}
        help={words.timezoneHelp}
        value={work.timezone}
        fault={faultAt(faults, "/timezone")}
        options={zones()}
        onChange={(value) => typeof value === "string" && onPinned({ timezone: value }, "timezone")}
      />
      <p className="help">{words.withDraft}</p>
    </div>
  );
}
