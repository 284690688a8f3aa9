import words from "#words/settings";
import type { Schemas } from "../../api";
import { say } from "../../say";

type Limit = keyof Schemas["Limits"];

/** What marketers meet first. */
const important: readonly Limit[] = [
  "maxNodes",
  "maxDurationDays",
  "maxWaitHours",
  "maxMultiSplitBranches",
  "maxRandomSplitBranches",
  "maxExits",
  "maxCallCustomers",
  "maxPayloadBytes",
];

const groups: readonly (readonly [title: string, limits: readonly Limit[]])[] = [
  [
    words.groupJourney,
    [
      "maxJourneys",
      "maxStartedJourneys",
      "maxNodes",
      "maxEdges",
      "maxDefinitionBytes",
      "maxNameCharacters",
      "maxDescriptionCharacters",
      "maxDurationDays",
      "maxEntryConditionBytes",
      "maxSettingsBytes",
      "maxExits",
      "maxGoalWindowDays",
      "maxReentryRuns",
      "maxReentryIntervalHours",
    ],
  ],
  [
    words.groupSteps,
    [
      "maxNodeIdCharacters",
      "maxLabelCharacters",
      "maxWaitHours",
      "maxAwaitedEvents",
      "maxMultiSplitBranches",
      "maxRandomSplitBranches",
      "maxBranchWeight",
      "maxUpdatedAttributes",
      "maxDecisionTimeoutMs",
      "maxPayloadBytes",
      "maxKeptBytes",
    ],
  ],
  [
    words.groupConditions,
    [
      "maxConditionDepth",
      "maxConditionLeaves",
      "maxConditionListValues",
      "maxConditionTextCharacters",
      "maxConditionPeriodDays",
      "maxFieldCharacters",
      "maxFieldNames",
    ],
  ],
  [
    words.groupCalls,
    [
      "maxIdCharacters",
      "maxEventTypeCharacters",
      "maxAttributesBytes",
      "maxPropertiesBytes",
      "maxCallCustomers",
      "maxCallEvents",
      "maxTopics",
      "maxTopicNameCharacters",
      "maxTopicChannels",
      "maxTestEvents",
      "maxBodyBytes",
    ],
  ],
];

/** The limits of the API in words: the important ones, and all of them on demand. */
export function Limits({ limits }: { limits: Schemas["Limits"] }) {
  return (
    <>
      <Facts names={important} limits={limits} />
      <details>
        <summary className="label">{words.moreLimits}</summary>
        <div className="col gap-4 all-limits">
          {groups.map(([title, names]) => (
            <section key={title} aria-label={title}>
              <h3 className="sec-title">{title}</h3>
              <Facts names={names} limits={limits} />
            </section>
          ))}
        </div>
      </details>
    </>
  );
}

function Facts({ names, limits }: { names: readonly Limit[]; limits: Schemas["Limits"] }) {
  return (
    <dl className="limits">
      {names.map((name) => (
        <div key={name} className="row">
          <dt className="grow dim">{words[name]}</dt>
          <dd className="num">{amount(name, limits[name])}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A limit with its unit, which the end of its name says. */
function amount(name: Limit, n: number): string {
  if (name.endsWith("Bytes")) return bytes(n);
  if (name.endsWith("Days")) return say(words.days, { n });
  if (name.endsWith("Hours")) return n % 24 === 0 && n >= 48 ? say(words.days, { n: n / 24 }) : say(words.hours, { n });
  if (name.endsWith("Ms")) return say(words.seconds, { n: n / 1000 });
  if (name.endsWith("Characters")) return say(words.characters, { n });
  return say("{n}", { n });
}

function bytes(n: number): string {
  if (n % 1_048_576 === 0) return say(words.mb, { n: n / 1_048_576 });
  return n % 1024 === 0 ? say(words.kb, { n: n / 1024 }) : say(words.bytes, { n });
}
