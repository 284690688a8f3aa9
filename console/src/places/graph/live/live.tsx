import type { Schemas } from "../../../api";

/** The mode live. A viewer has no journey, only its figures. */
export default function Live(_props: { id: string; journey?: Schemas["Journey"] }) {
  return <main id="main" className="work" tabIndex={-1} />;
}
