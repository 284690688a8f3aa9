import { useEffect, useState } from "react";
import words from "#words/shell";
import { say } from "./say";
import { traffic } from "./send";
import { useStore } from "./store";
import { Band } from "./ui/states";

/** What holds up every place: no connection, or a service that asked to wait. */
export function Bands() {
  const { offline, retryAt } = useStore(traffic);
  const seconds = useSecondsUntil(retryAt);
  if (offline) {
    return (
      <Band tone="warn" icon="offline">
        <span>
          <b>{words.offline}</b> {words.offlineDetail}
        </span>
      </Band>
    );
  }
  if (retryAt === 0) return null;
  return (
    <Band tone="warn" icon="refresh">
      <span>
        <b>{words.busy}</b> {say(words.busyDetail, { n: seconds })}
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
