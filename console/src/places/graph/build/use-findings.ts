import { useEffect, useRef, useState } from "react";
import { api, call, type Schemas } from "../../../api";
import { bodyOf } from "../../../graph/stored";
import type { Work } from "../../../graph/types";
import { Problem } from "../../../problem";
import { type Finding, place } from "./findings";

const pause = 600; // ms without a change, after which the graph is examined

/** What the service finds in a work; undefined until it has answered once. */
export function useFindings(journeyId: string, work: Work): readonly Finding[] | undefined {
  const [findings, setFindings] = useState<readonly Finding[]>();
  const looked = useRef(false);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(
      () => {
        looked.current = true;
        find(journeyId, work, stop.signal).then(
          (found) => !stop.signal.aborted && setFindings(found),
          () => {}, // the band says that the service cannot be reached; what was found stays
        );
      },
      looked.current ? pause : 0,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [journeyId, work]);
  return findings;
}

async function find(id: string, work: Work, signal: AbortSignal): Promise<Finding[]> {
  const body = bodyOf(work) as Schemas["TestRequest"];
  try {
    const { data } = await call(api.POST("/journeys/{id}/test", { params: { path: { id } }, body, signal }));
    return place(work.definition, data.faults, data.warnings);
  } catch (error) {
    // Its form is wrong, so the graph was not examined.
    if (error instanceof Problem && error.faults.length > 0) return place(work.definition, [...error.faults], []);
    throw error;
  }
}
