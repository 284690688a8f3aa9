import words from "#words/journeys";
import { replaceQuery } from "../../route";
import { say } from "../../say";
import type { Filter, List } from "./list";

/** How many journeys there are, and the people in those that are shown. */
export function SummaryLine({ filter, list }: { filter: Filter; list: List }) {
  const { rows, whole, total } = list;
  if (!rows) return <p className="dim">{"\u00a0"}</p>;
  const inside = rows.reduce((sum, { figures }) => sum + (figures?.enrollments?.active ?? 0), 0);
  const failed = rows.reduce((sum, { figures }) => sum + (figures?.enrollments?.failed ?? 0), 0);
  const isFiltered = filter.q !== "" || filter.status !== undefined || filter.failed;
  const n = total ?? (whole ? rows.length : undefined);
  return (
    <p className="dim">
      {n !== undefined && `${say(isFiltered ? words.summaryFound : words.summary, { n })}, `}
      {!whole && `${words.summaryPage} `}
      {say(words.inside, { n: inside })}
      {failed > 0 && (
        <>
          {", "}
          <button
            type="button"
            className="link bad"
            aria-pressed={filter.failed}
            onClick={() => replaceQuery({ failed: filter.failed ? undefined : "yes" })}
          >
            {say(words.failed, { n: failed })}
          </button>
        </>
      )}
    </p>
  );
}
