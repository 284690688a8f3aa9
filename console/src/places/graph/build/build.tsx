import type { Schemas } from "../../../api";
import type { Editor } from "../../../graph/editor";

/** The mode build. */
export default function Build(_props: { editor: Editor; journey: Schemas["Journey"] }) {
  return <main id="main" className="work" tabIndex={-1} />;
}
