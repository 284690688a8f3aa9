import words from "#words/build";
import type { Gap } from "../../../graph/canvas";
import { nameOf, wayName } from "../../../graph/describe";
import { edgeAt, lostWith, nodeOf, waysToKeep } from "../../../graph/edit";
import type { Graph } from "../../../graph/types";
import { waysOf } from "../../../graph/ways";
import { say } from "../../../say";
import { Button } from "../../../ui/button";
import { Dialog } from "../../../ui/dialog";

interface KeepDialogProps {
  graph: Graph;
  id: string;
  onKeep: (gap: Gap) => void;
  onClose: () => void;
}

/** Asks which way stays when a split is deleted, and says what goes with it. */
export function KeepDialog({ graph, id, onKeep, onClose }: KeepDialogProps) {
  const node = nodeOf(graph, id);
  if (node === undefined) return null;
  const keeps = waysToKeep(graph, id);
  return (
    <Dialog title={say(words.whichStays, { name: nameOf(node) })} onClose={onClose}>
      <ul className="col gap-2">
        {keeps.map((gap) => {
          const way = waysOf(node, graph.edges).find(({ handle }) => handle === gap.handle);
          const target = nodeOf(graph, edgeAt(graph, gap)?.target ?? null);
          const lost = lostWith(graph, id, gap);
          return (
            <li key={gap.handle}>
              <button type="button" className="card keep" onClick={() => onKeep(gap)}>
                <span className="semi">
                  {say(words.keepWay, { way: way ? wayName(node, way) : "", target: target ? nameOf(target) : "" })}
                </span>
                <span className="dim t2">{lost === 0 ? words.nothingGoes : say(words.goes, { n: lost })}</span>
              </button>
            </li>
          );
        })}
      </ul>
      <div className="row">
        <span className="help grow">{words.undoable}</span>
        <Button onClick={onClose}>{words.cancel}</Button>
      </div>
    </Dialog>
  );
}
