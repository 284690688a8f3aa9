import { useRef, useState } from "react";
import words from "#words/forms";
import type { Schemas } from "../api";
import type { Context } from "../condition/names";
import { Said } from "../condition/said";
import type { Part } from "../condition/sentence";
import type { GraphNode, PinnedSettings, Work } from "../graph/types";
import { type JsonObject, same } from "../json";
import { type Fault, Problem } from "../problem";
import "../style/forms.css";
import { Button, IconButton } from "../ui/button";
import { FaultLine } from "../ui/field";
import { Icon, type IconName } from "../ui/icon";
import { explain as explainError } from "../ui/states";
import { EntrySection, EntryStepFields, ReentrySection, TextsSection } from "./journey-own";
import { ExitsSection, GoalSection, ZoneSection } from "./journey-pinned";
import { saySection } from "./journey-says";
import { useKeptFocus } from "./kept-focus";
import { entryEventOf } from "./node-form";
import { changeOwnEdits, type OwnChange, useOwnEdits } from "./own-edits";

/** A part of the settings of a journey. */
export type Section = "entry" | "reentry" | "exits" | "goal" | "zone";

interface Props {
  section: Section;
  journey: Schemas["Journey"];
  work: Work;
  settings: Schemas["Settings"] | undefined;
  names: Schemas["Names"] | undefined;
  /** Faults of the API, by pointer into the draft. */
  faults: readonly Fault[];
  onPinned: (change: Partial<PinnedSettings>, field: string) => void;
  /** Changes the journey at once. It rejects with the Problem. */
  onJourney: (change: OwnChange) => Promise<void>;
  /** Changes the entry step, which belongs to the draft. */
  onNode: (next: GraphNode, field: string) => void;
  onClose?: () => void;
}

/** What the parts of the form get. */
export interface JourneySectionForm {
  work: Work;
  settings: Schemas["Settings"] | undefined;
  context: Context;
  faults: readonly Fault[];
  onPinned: Props["onPinned"];
  onNode: Props["onNode"];
}

/** What the parts get that change the journey itself: the fields as they are edited. */
export interface OwnForm extends JourneySectionForm {
  own: OwnChange;
  edit: (change: OwnChange) => void;
}

const heads: Record<Section, readonly [IconName, string]> = {
  entry: ["entry", words.entryTitle],
  reentry: ["refresh", words.reentryTitle],
  exits: ["leave", words.exitsTitle],
  goal: ["goal", words.goalTitle],
  zone: ["zone", words.zoneTitle],
};

/** Whether a part of the settings needs the wide panel. */
export function isWideSection(section: Section): boolean {
  return section === "entry" || section === "exits" || section === "goal";
}

/** The panel with a part of the settings of a journey. */
export function JourneyForm(props: Props) {
  return <Panel key={props.section} {...props} />;
}

function Panel(props: Props) {
  const { section, journey, work, settings, names, onClose } = props;
  const panel = useRef<HTMLElement>(null);
  useKeptFocus(panel);
  const [icon, title] = heads[section];
  const own = useOwn(journey, props.onJourney);
  const event = own.now.entryCondition?.event ?? "";
  const context: Context = {
    names,
    graph: work.definition,
    nodeId: null,
    entryEvent: entryEventOf(work.definition, event),
    limits: settings?.limits,
  };
  const form: OwnForm = {
    ...props,
    context,
    faults: [...props.faults, ...own.faults],
    own: own.now,
    edit: own.edit,
  };
  const pinned = section === "exits" || section === "goal";
  return (
    <aside ref={panel} className="panel panel--end" aria-label={title}>
      <div className="panel-head">
        <Icon name={icon} />
        <h2 className="semi grow">{title}</h2>
        {onClose && <IconButton icon="close" label={words.close} onClick={onClose} />}
      </div>
      <div className="panel-body scroll">
        {pinned && <p className="help form-note">{words.withDraft}</p>}
        {section === "entry" && <EntrySection {...form} />}
        {section === "reentry" && <ReentrySection {...form} />}
        {section === "exits" && <ExitsSection {...form} />}
        {section === "goal" && <GoalSection {...form} />}
        {section === "zone" && <TextsSection {...form} />}
        {!pinned && <Apply own={own} />}
        {section === "zone" && <ZoneSection {...form} />}
        {section === "entry" && <EntryStepFields {...form} />}
      </div>
      <Sentence parts={saySection(section, own.now, work)} />
    </aside>
  );
}

function Sentence({ parts }: { parts: readonly Part[] }) {
  return (
    <div className="form-says">
      <p className="sentence" aria-live="polite">
        <Said parts={parts} />
      </p>
    </div>
  );
}

type Doing = "nothing" | "applying" | "applied";

interface Own {
  /** The fields as they are edited. */
  now: OwnChange;
  changed: boolean;
  doing: Doing;
  problem: string;
  faults: readonly Fault[];
  edit: (change: OwnChange) => void;
  apply: () => void;
  revert: () => void;
}

/** Keeps what is edited of the journey itself until it is applied. */
function useOwn(journey: Schemas["Journey"], send: Props["onJourney"]): Own {
  const edits = useOwnEdits(journey.id);
  const [doing, setDoing] = useState<Doing>("nothing");
  const [error, setError] = useState<unknown>();
  const is = journey as unknown as JsonObject;
  const changesOf = (all: OwnChange) =>
    Object.fromEntries(Object.entries(all).filter(([key, value]) => !same((value ?? null) as null, is[key] ?? null)));
  const changes = changesOf(edits);
  const apply = async () => {
    setDoing("applying");
    setError(undefined);
    try {
      await send(changes);
      changeOwnEdits(journey.id, () => ({}));
      setDoing("applied");
    } catch (problem) {
      setError(problem);
      setDoing("nothing");
    }
  };
  const text = error === undefined ? undefined : explainError(error);
  return {
    now: { ...journey, ...edits },
    changed: Object.keys(changes).length > 0,
    doing,
    problem: text === undefined ? "" : `${text.title}. ${text.detail}`,
    faults: error instanceof Problem ? error.faults : [],
    edit: (change) => {
      setDoing("nothing");
      changeOwnEdits(journey.id, (before) => changesOf({ ...before, ...change }));
    },
    apply: () => void apply(),
    revert: () => {
      changeOwnEdits(journey.id, () => ({}));
      setError(undefined);
    },
  };
}

function Apply({ own }: { own: Own }) {
  const { changed, doing, problem } = own;
  return (
    <div className="sec sec--tight">
      <p className="help">{words.atOnce}</p>
      <div className="row">
        <Button look={changed ? "primary" : "plain"} disabled={!changed || doing === "applying"} onClick={own.apply}>
          {doing === "applying" ? words.applying : words.apply}
        </Button>
        {changed && (
          <Button look="quiet" onClick={own.revert}>
            {words.revert}
          </Button>
        )}
        <span role="status" className="dim">
          {doing === "applied" && words.applied}
        </span>
      </div>
      <FaultLine alert text={problem || undefined} />
    </div>
  );
}
