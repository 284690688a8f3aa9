import words from "#words/build";
import { Button } from "../../../ui/button";
import { Empty } from "../../../ui/states";
import type { Commands } from "./use-commands";

/** An empty graph: where to begin. */
export function Begin({ readOnly, commands }: { readOnly: boolean; commands: Commands }) {
  return (
    <section className="canvas center" aria-label={words.graph}>
      <Empty title={readOnly ? words.empty : words.begin}>
        {!readOnly && (
          <>
            <p className="dim">{words.beginDetail}</p>
            <div className="row begin">
              <Button look="primary" icon="entry" onClick={commands.begin}>
                {words.beginEntry}
              </Button>
              <Button icon="copy" onClick={() => void commands.paste(null)}>
                {words.pasteSteps}
              </Button>
            </div>
          </>
        )}
      </Empty>
    </section>
  );
}
