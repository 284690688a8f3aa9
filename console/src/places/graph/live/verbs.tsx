import { useMutation } from "@tanstack/react-query";
import words from "#words/live";
import { type Answer, api, call, type Schemas } from "../../../api";
import { hasStatus } from "../../../problem";
import { keys, queries } from "../../../queries";
import { href } from "../../../route";
import { announce } from "../../../ui/announce";
import { Button, LinkButton } from "../../../ui/button";
import { explain } from "../../../ui/states";

type Journey = Schemas["Journey"];

/** What an editor may do to a running journey. A paused one is resumed from its band. */
export function Verbs({ journey }: { journey: Journey }) {
  const change = useStatusChange(journey.id);
  const running = journey.status === "active";
  return (
    <>
      {change.error && (
        <span className="bad t2" role="alert">
          {explain(change.error).title}
        </span>
      )}
      {journey.status !== "draft" && (
        <span className="only-wide">
          <LinkButton icon="people" href={href({ name: "people", journey: journey.id })}>
            {words.people}
          </LinkButton>
        </span>
      )}
      {running && (
        <Button
          icon="pause"
          waits={change.isPending ? words.pausing : undefined}
          onClick={() => change.mutate("paused")}
        >
          {words.pause}
        </Button>
      )}
    </>
  );
}

/** Changes the status, whatever else others changed meanwhile: the newest tag is taken, and once more if it is old. */
function useStatusChange(id: string) {
  return useMutation({
    mutationFn: async (status: "active" | "paused") => {
      const known = queries.getQueryData<Answer<Journey>>(keys.journey(id));
      try {
        return await put(id, status, known?.etag ?? (await read(id)).etag);
      } catch (error) {
        if (!hasStatus(error, 412)) throw error;
        return await put(id, status, (await read(id)).etag);
      }
    },
    onSuccess: (answer) => {
      queries.setQueryData(keys.journey(id), answer);
      announce(answer.data.status === "paused" ? words.pausedBand : words.resumed);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: keys.journey(id) }),
  });
}

function read(id: string) {
  return call(api.GET("/journeys/{id}", { params: { path: { id } } }));
}

function put(id: string, status: "active" | "paused", tag: string) {
  return call(api.PUT("/journeys/{id}", { params: { path: { id }, header: { "If-Match": tag } }, body: { status } }));
}
