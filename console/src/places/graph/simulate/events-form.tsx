import words from "#words/simulate";
import { say } from "../../../say";
import { Button, IconButton } from "../../../ui/button";
import { TextField } from "../../../ui/field";
import { Icon } from "../../../ui/icon";
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
    <div className="sec">
      <h3 className="sec-title">
        <span className="grow">{words.events}</span>
        <Button small icon="plus" onClick={() => onChange([...events, make(types[0] ?? "event")])}>
          {words.addEvent}
        </Button>
      </h3>
      {fault !== undefined && (
        <p className="help help--bad">
          <Icon name="alert" small />
          {fault}
        </p>
      )}
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
    </div>
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
