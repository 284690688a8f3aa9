import words from "#words/live";
import { formatNumber } from "../../../format";
import type { LineOverlay, Overlay, StepOverlay } from "../../../graph/overlay";
import { say } from "../../../say";
import { sayReports } from "./feedback";
import { type Line, lineWidth, type Step, type VersionFigures } from "./figures";

/** Makes the overlays of figures. What has not changed stays the same object, so that it is not drawn again. */
export class FigureOverlays {
  #known = new Map<string, StepOverlay | LineOverlay>();

  of(version: VersionFigures): Overlay {
    const next = new Map<string, StepOverlay | LineOverlay>();
    const keep = <T extends StepOverlay | LineOverlay>(key: string, make: () => T): T => {
      const overlay = (this.#known.get(key) as T | undefined) ?? make();
      next.set(key, overlay);
      return overlay;
    };
    const steps = new Map(
      [...version.steps].map(([id, step]) => {
        const { active, entered, completed, failed, nodeType } = step;
        const key = `${nodeType} ${active} ${entered} ${completed} ${failed} ${sayReports(step)}`;
        return [id, keep(key, () => stepOverlay(step))] as const;
      }),
    );
    const lines = new Map(
      [...version.lines].map(([key, line]) => {
        const width = lineWidth(line.passed, version.counts.entered);
        return [key, keep(`${width} ${line.passed}`, () => lineOverlay(line, width))] as const;
      }),
    );
    this.#known = next;
    return { steps, lines };
  }
}

function stepOverlay(step: Step): StepOverlay {
  const { active, entered, completed, failed, nodeType } = step;
  const clicked = step.feedback?.clicked ?? 0;
  if (nodeType === "exit") {
    return {
      line: <span className="node-figs">{completed === 0 ? 0 : <b>{formatNumber(completed)}</b>}</span>,
      says: say(words.exitSays, { n: completed }),
    };
  }
  return {
    line: (
      <span className="node-figs">
        {active > 0 && (
          <span>
            <b>{formatNumber(active)}</b> {words.here}
          </span>
        )}
        <span>
          {formatNumber(entered)} {words.inWord}
        </span>
        {clicked > 0 && (
          <span>
            {formatNumber(clicked)} {words.clickedWord}
          </span>
        )}
        {failed > 0 && (
          <span className="bad">
            {formatNumber(failed)} {words.failedWord}
          </span>
        )}
      </span>
    ),
    says: [say(words.stepSays, { here: active, in: entered, failed }), sayReports(step)].filter(Boolean).join(", "),
  };
}

function lineOverlay({ passed }: Line, width: number): LineOverlay {
  return {
    className: "edge--flow",
    width,
    figure: passed === 0 ? <span className="dimmer">0</span> : <b>{formatNumber(passed)}</b>,
  };
}
