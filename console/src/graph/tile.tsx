import { Icon } from "../ui/icon";
import type { Kind } from "./describe";

interface TileProps {
  of: Pick<Kind, "kind" | "icon">;
  small?: boolean;
  title?: string;
}

/** The tile of a kind of step: its icon, on its color. */
export function Tile({ of: { kind, icon }, small = false, title }: TileProps) {
  return (
    <span className={small ? `kind kind--s ${kind}` : `kind ${kind}`} title={title}>
      <Icon name={icon} />
    </span>
  );
}
