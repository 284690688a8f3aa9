import { useInfiniteQuery } from "@tanstack/react-query";
import words from "#words/customers";
import { api, call, pathId, type Schemas } from "../../api";
import { formatTime, formatUTC } from "../../format";
import { keys } from "../../queries";
import { href } from "../../route";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { Icon, type IconName } from "../../ui/icon";
import { Failure, Skeleton } from "../../ui/states";

type Entry = Schemas["CustomerEnrollment"];

function useCustomerJourneys(customer: string) {
  return useInfiniteQuery({
    queryKey: [...keys.customer(customer), "journeys"],
    queryFn: async ({ pageParam, signal }) => {
      const params = {
        path: { customerId: pathId(customer) },
        query: { limit: 25, ...(pageParam !== undefined && { cursor: pageParam }) },
      };
      return (await call(api.GET("/customers/{customerId}/enrollments", { params, signal }))).data;
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor,
    select: ({ pages }) => pages.flatMap((page) => page.data),
  });
}

/** Every journey that a customer is or was in, with the way to their way. */
export function CustomerJourneys({ customer }: { customer: string }) {
  const journeys = useCustomerJourneys(customer);
  return (
    <section className="card" aria-label={words.journeys}>
      <div className="sec">
        <h2 className="sec-title">{words.journeys}</h2>
        {journeys.isError ? (
          <Failure error={journeys.error} retry={() => void journeys.refetch()} />
        ) : journeys.data === undefined ? (
          <Skeleton rows={3} />
        ) : journeys.data.length === 0 && !journeys.hasNextPage ? (
          <p className="dim">{words.noJourneys}</p>
        ) : (
          <ul className="customer-journeys">
            {journeys.data.map((entry) => (
              <JourneyRow key={entry.journeyId} entry={entry} />
            ))}
          </ul>
        )}
        {journeys.hasNextPage && (
          <div>
            <Button small onClick={() => void journeys.fetchNextPage()}>
              {words.more}
            </Button>
          </div>
        )}
      </div>
    </section>
  );
}

const signs: Record<Entry["status"], { icon: IconName; className: string }> = {
  active: { icon: "active", className: "state--active" },
  completed: { icon: "check", className: "state--done" },
  expired: { icon: "wait", className: "state--draft" },
  cancelled: { icon: "leave", className: "state--draft" },
  failed: { icon: "alert", className: "state--failed" },
};

function JourneyRow({ entry }: { entry: Entry }) {
  const { icon, className } = signs[entry.status];
  return (
    <li>
      <a className="med" href={href({ name: "people", journey: entry.journeyId, customer: entry.customerId })}>
        {entry.journeyName}
      </a>
      <span className={`state ${className}`}>
        <Icon name={icon} />
        {words.status[entry.status]}
      </span>
      <span className="t2 dim" title={formatUTC(entry.since)}>
        {say(words.entryLine, { time: formatTime(entry.since), n: String(entry.version) })}
      </span>
    </li>
  );
}
