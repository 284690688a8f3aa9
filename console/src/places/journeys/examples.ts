// The journeys of examples/ at the root of the repository, as one chunk.
import type { Graph } from "../../graph/types";
import { readGraph } from "../../graph/types";
import { isObject, type JsonObject, parse } from "../../json";

/** A journey to begin with. */
export interface Example {
  /** The name of its folder. */
  id: string;
  name: string;
  /** What it does, in one sentence. */
  sentence: string;
  graph: Graph;
  /** The event that starts it; undefined if people are enrolled from a list. */
  event: string | undefined;
  /** What `POST /journeys` takes. */
  body: JsonObject;
}

const files = import.meta.glob<string>("../../../../examples/*/journey.json", {
  query: "?raw",
  import: "default",
  eager: true,
});

/** The three that an empty list shows, then the others by name. */
const first = ["abandoned-cart", "onboarding", "win-back"];

/** All examples, the most common first. */
export const examples: readonly Example[] = Object.entries(files)
  .map(([path, text]) => readExample(path.split("/").at(-2) ?? path, text))
  .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));

function rank({ id }: Example): number {
  const place = first.indexOf(id);
  return place < 0 ? first.length : place;
}

function readExample(id: string, text: string): Example {
  const body = parse(text);
  if (!isObject(body)) throw new Error(`${id} is no journey`);
  const entry = body["entryCondition"];
  const event = isObject(entry) ? entry["event"] : undefined;
  const description = String(body["description"] ?? "");
  return {
    id,
    name: String(body["name"]),
    sentence: description.split(/(?<=\.) /)[0] ?? description,
    graph: readGraph(body["definition"]),
    event: typeof event === "string" ? event : undefined,
    body,
  };
}

/** An empty journey: an entry that leads to an exit, with a line to add steps to. */
export const emptyGraph: Graph = {
  nodes: [
    { id: "entry", type: "entry_trigger" },
    { id: "exit", type: "exit" },
  ],
  edges: [{ source: "entry", target: "exit" }],
};
