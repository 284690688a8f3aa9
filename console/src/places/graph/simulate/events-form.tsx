import words from "#words/simulate";
import { say } from "../../../say";
import { IconButton } from "../../../ui/button";
import { TextField } from "../../../ui/field";
import { ListSection } from "./list-section";
import type { PersonaEvent } from "./personas";
import { ValueRows } from "./value-rows";
import { When } from "./when";

interface EventsFormProps {
  events: readonly PersonaEvent[];
  /** Types to complete, the likeliest first. */
  types: readonly string[];
  propertiesOf: (type: string) => readonly string[];
  /** A new event of a type. */
  make: (type: string) => PersonaEvent;
  fault: string | undefined;
  onChange: (events: PersonaEvent[]) => void;
}

/** The events of a persona, each with its time after the entry. */
export function EventsForm({ events, types, propertiesOf, make, fault, onChange }: EventsFormProps) {
  const edit = (i: number, next: PersonaEvent) => onChange(events.map((event, k) => (k === i ? next : event)));
  return (
    <ListSection
      title={words.events}
      add={words.addEvent}
      onAdd={() => onChange([...events, make(types[0] ?? "event")])}
      fault={fault}
    >
      {events.map((event, i) => (
        <EventForm
          key={i}
          title={say(words.eventN, { n: i + 1 })}
          event={event}
          types={types}
          options={propertiesOf(event.type)}
          onChange={(next) => edit(i, next)}
          onRemove={() => onChange(events.filter((_, k) => k !== i))}
        />
      ))}
    </ListSection>
  );
}

interface EventFormProps {
  title: string;
  event: PersonaEvent;
  types: readonly string[];
  options: readonly string[];
  onChange: (event: PersonaEvent) => void;
  onRemove: () => void;
}

function EventForm({ title, event, types, options, onChange, onRemove }: EventFormProps) {
  return (
    <div role="group" aria-label={title} className="event-form">
      <div className="row row--top">
        <TextField
          className="grow"
          label={words.type}
          value={event.type}
          options={types}
          onChange={({ target }) => onChange({ ...event, type: target.value })}
        />
        <IconButton small icon="trash" label={say(words.removeEvent, { type: event.type })} onClick={onRemove} />
      </div>
      <When
        hours={event.afterHours}
        units={words.units}
        onChange={(afterHours) => onChange({ ...event, afterHours })}
      />
      <ValueRows
        label={say(words.properties, { type: event.type })}
        value={event.properties ?? {}}
        options={options}
        onChange={(properties) => onChange({ ...event, properties })}
      />
    </div>
  );
}
