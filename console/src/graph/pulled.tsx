import { useStore } from "../store";
import { size } from "./measures";
import { useSurface } from "./surface";

/** A way while it is dragged to a step: its line, the step under the pointer, and why it cannot lead there. */
export function Pulled() {
  const surface = useSurface();
  const pull = useStore(surface.pull);
  if (!pull) return null;
  const { from, to, target, refused } = pull;
  const box = target === null ? undefined : surface.layout?.boxes.get(target);
  return (
    <>
      <svg className="edges edges--pull" aria-hidden="true">
        <path className={refused ? "edge edge--open" : "edge edge--hover"} d={`M${from.x} ${from.y}L${to.x} ${to.y}`} />
        {box && (
          <rect
            className={refused ? "aim aim--bad" : "aim"}
            x={box.x - 4}
            y={box.y - 4}
            width={box.width + 8}
            height={box.height + 8}
            rx={box.height < size.height ? 22 : 12}
          />
        )}
      </svg>
      {refused && (
        <span
          className="elabel elabel--bad elabel--why"
          style={{ ["--x" as string]: `${to.x}px`, ["--y" as string]: `${to.y + 28}px` }}
        >
          {refused}
        </span>
      )}
    </>
  );
}
