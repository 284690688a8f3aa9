// Sends requests: with the token, again after a throttle or a lost answer. Every call
// of the API is safe to repeat, so all of them are treated alike, but for one that sends a
// message each time.
import { renew, session } from "./session";
import { type Store, store } from "./store";

/** What holds requests up at present. */
export interface Traffic {
  /** The browser has no connection. */
  offline: boolean;
  /** When the next attempt of a request that was throttled or got no answer begins, in ms since 1970; 0 for none. */
  retryAt: number;
}

export const traffic: Store<Traffic> = store<Traffic>({ offline: !navigator.onLine, retryAt: 0 });

for (const kind of ["online", "offline"]) {
  window.addEventListener(kind, () => traffic.set({ ...traffic.get(), offline: !navigator.onLine }));
}

const attempts = 5;
const longestWait = 30_000;

const attemptsOf = (request: Request) => (request.url.endsWith("/send-test") ? 1 : attempts);

/** Like fetch, with the caller's token. It throws a TypeError if no attempt gets an answer. */
export async function send(request: Request): Promise<Response> {
  let renewed = false;
  for (let attempt = 1; ; attempt++) {
    const answer = await sendOnce(request.clone());
    if (answer instanceof Response && answer.status === 401 && !renewed) {
      renewed = true;
      if (await renew()) continue;
      return answer;
    }
    const wait = waitAfter(answer, attempt);
    if (wait !== undefined && attempt < attemptsOf(request) && !request.signal.aborted) {
      await pause(wait, request.signal);
      continue;
    }
    if (answer instanceof Response) return answer;
    throw answer;
  }
}

async function sendOnce(request: Request): Promise<Response | Error> {
  const token = session.get()?.token;
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Returns the milliseconds to wait before the next attempt; undefined if the answer is final. */
function waitAfter(answer: Response | Error, attempt: number): number | undefined {
  const backOff = 500 * 2 ** (attempt - 1);
  if (answer instanceof Error) return navigator.onLine ? backOff : undefined;
  if (![429, 502, 503, 504].includes(answer.status)) return undefined;
  const seconds = Number(answer.headers.get("Retry-After") ?? Number.NaN);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : backOff;
  return wait <= longestWait ? wait : undefined;
}

const waits = new Set<{ until: number }>();

/** Several requests may wait at once. The one that goes on next is named. */
function showWaits() {
  const next = Math.min(...[...waits].map(({ until }) => until));
  traffic.set({ ...traffic.get(), retryAt: waits.size === 0 ? 0 : next });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const wait = { until: Date.now() + ms };
  waits.add(wait);
  showWaits();
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
  } finally {
    waits.delete(wait);
    showWaits();
  }
}
