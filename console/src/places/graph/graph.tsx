import type { Mode } from "../../route";

/** The place graph. */
export default function Graph({ id, mode }: { id: string; mode: Mode }) {
  return (
    <p>
      graph {id} {mode}
    </p>
  );
}
