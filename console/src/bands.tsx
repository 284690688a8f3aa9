import { useEffect, useState } from "react";
import words from "#words/shell";
import { outdated } from "./build";
import { say } from "./say";
import { traffic } from "./send";
import { useStore } from "./store";
import { Button } from "./ui/button";
import { Band } from "./ui/states";

/** What holds up every place: no connection, a service that asked to wait, a page older than the service. */
export function Bands() {
  const { offline, retryAt } = useStore(traffic);
  const isOutdated = useStore(outdated);
  return (
    <>
      {offline ? <Offline /> : <Busy retryAt={retryAt} />}
      {isOutdated && <Outdated />}
    </>
  );
}

function Offline() {
  return (
    <Band tone="warn" icon="offline">
      <span>
        <b>{words.offline}</b> {words.offlineDetail}
      </span>
    </Band>
  );
}

function Outdated() {
  return (
    <Band tone="accent" icon="refresh">
      <b className="grow">{words.newBuild}</b>
      <Button small onClick={() => location.reload()}>
        {words.reload}
      </Button>
    </Band>
  );
}

/** Comes after 400 ms of waiting, and stays a second after it, so that short waits do not move the page. */
function Busy({ retryAt }: { retryAt: number }) {
  const waiting = retryAt !== 0;
  const [shown, setShown] = useState(false);
  const seconds = useSecondsUntil(retryAt);
  useEffect(() => {
    const timer = setTimeout(() => setShown(waiting), waiting ? 400 : 1000);
    return () => clearTimeout(timer);
  }, [waiting]);
  if (!shown) return null;
  return (
    <Band tone="warn" icon="refresh">
      <span>
        {/* Each second of the countdown is not worth saying aloud. */}
        <b>{words.busy}</b>{" "}
        <span aria-live="off">{seconds > 0 ? say(words.busyDetail, { n: seconds }) : words.busyNow}</span>
      </span>
    </Band>
  );
}

function useSecondsUntil(at: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (at === 0) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [at]);
  return Math.max(0, Math.ceil((at - now) / 1000));
}
