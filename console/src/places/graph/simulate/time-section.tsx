import words from "#words/simulate";
import type { Graph, Work } from "../../../graph/types";
import { say } from "../../../say";
import type { Store } from "../../../store";
import { Icon } from "../../../ui/icon";
import { Menu } from "../../../ui/menu";
import { Skeleton } from "../../../ui/states";
import type { Result } from "./coverage";
import { EventsLane } from "./events-lane";
import type { Persona, PersonaEvent, PersonaTest } from "./personas";
import { eventTypesOf } from "./reads";
import { Scrubber } from "./scrubber";
import { round } from "./solve";
import { matchingEvent } from "./suggest";
import type { Timeline } from "./timeline";

interface TimeSectionProps {
  graph: Graph;
  work: Work;
  persona: Persona;
  result: Result | undefined;
  timeline: Timeline | undefined;
  playhead: Store<number>;
  onChange: (change: (test: PersonaTest) => PersonaTest, label?: string, series?: string) => void;
  onEdit: () => void;
}

/** The scrubber with the events of the persona. */
export function TimeSection(props: TimeSectionProps) {
  const { graph, persona, result, timeline, playhead, onChange, onEdit } = props;
  if (result === undefined || timeline === undefined) {
    return (
      <section className="scrub" aria-label={words.time}>
        <Skeleton rows={2} />
      </section>
    );
  }
  const events = persona.test.events ?? [];
  const setEvents = (label: string, series: string, next: PersonaEvent[]) =>
    onChange(
      ({ events: _, ...test }) => (next.length > 0 ? { ...test, events: next } : test) as PersonaTest,
      label,
      series,
    );
  const add = (type: string) => {
    const event = matchingEvent(props.work, persona.test, type, hoursAt(timeline, playhead.get()));
    setEvents(say(words.addedEvent, { type }), `event ${persona.id} new`, [...events, event]);
  };
  return (
    <Scrubber graph={graph} result={result} timeline={timeline} playhead={playhead}>
      <AddEvent
        types={eventTypesOf(props.work)}
        onAdd={add}
        onOther={() => {
          add("event");
          onEdit();
        }}
      />
      <EventsLane
        key={persona.id}
        test={persona.test}
        result={result}
        timeline={timeline}
        onMove={(index, afterHours) => {
          const type = events[index]?.type ?? "";
          const next = events.map((event, i) => (i === index ? { ...event, afterHours } : event));
          setEvents(say(words.movedEvent, { type }), `event ${persona.id} ${index}`, next);
        }}
        onEdit={onEdit}
        onRemove={(index) =>
          setEvents(
            say(words.removeEvent, { type: events[index]?.type ?? "" }),
            `event ${persona.id} gone`,
            events.filter((_, i) => i !== index),
          )
        }
      />
    </Scrubber>
  );
}

/**
 * Hours after entry at a stop: in the middle of what follows it, so that an event falls into a wait. At the end it is
 * the last wait, as an event after all steps would change nothing.
 */
function hoursAt({ stops, start }: Timeline, index: number): number {
  const lastWait = stops.findLastIndex((stop, i) => (stops[i + 1]?.at ?? stop.at) > stop.at);
  const i = index >= stops.length - 1 && lastWait >= 0 ? lastWait : index;
  const from = stops[i]?.at ?? start;
  const to = stops[i + 1]?.at ?? from + 3_600_000;
  return round(Math.max(1 / 60, (from + (to - from) / 2 - start) / 3_600_000));
}

interface AddEventProps {
  types: readonly string[];
  onAdd: (type: string) => void;
  onOther: () => void;
}

function AddEvent({ types, onAdd, onOther }: AddEventProps) {
  return (
    <Menu
      label={words.addEvent}
      className="btn btn--s"
      items={[
        ...types.slice(0, 12).map((type) => ({ icon: "event" as const, label: type, run: () => onAdd(type) })),
        { icon: "plus", label: words.otherEvent, run: onOther },
      ]}
    >
      <Icon name="event" small />
      <span>{words.addEvent}</span>
    </Menu>
  );
}
