import type { Answer, Schemas } from "../api";
import type { PinnedSettings, Work } from "../graph/types";
import type { Fault } from "../problem";

interface JourneyFormProps {
  section: "entry" | "reentry" | "exits" | "goal" | "zone";
  journey: Answer<Schemas["Journey"]>;
  work: Work;
  settings: Schemas["Settings"] | undefined;
  names: Schemas["Names"] | undefined;
  faults: readonly Fault[];
  onChange: (next: Partial<PinnedSettings>, field: string) => void;
}

export function JourneyForm(_props: JourneyFormProps) {
  return null;
}
