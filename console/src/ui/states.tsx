import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import words from "#words/states";
import { Problem } from "../problem";
import { say } from "../say";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";

/** Shows its children after 300 ms, so that a fast answer does not flicker. */
export function Later({ children }: { children: ReactNode }) {
  const [due, setDue] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setDue(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return due ? children : null;
}

/** Bars in the place of rows that are on their way. */
export function Skeleton({ rows = 5 }: { rows?: number }) {
  return (
    <Later>
      <div className="col gap-4 skeleton" role="status" aria-label={words.loading}>
        {Array.from({ length: rows }, (_, i) => (
          <div key={`row ${i + 1}`} className="skel" style={{ ["--w" as string]: `${90 - ((i * 17) % 40)}%` }} />
        ))}
      </div>
    </Later>
  );
}

// Where this file cannot be loaded, the failure still stands.
const Details = lazy(() => import("./failure-details").catch(() => ({ default: () => null })));

interface FailureProps {
  error: unknown;
  /** Does it again. It is called by itself when the time is over that the answer asked to wait. */
  retry?: () => void;
  /** What could not be done, if the page does not say it. */
  title?: string;
  children?: ReactNode;
}

/** What went wrong, in words, with the id for support and a way on. */
export function Failure({ error, retry, title, children }: FailureProps) {
  const said = explain(error);
  const problem = error instanceof Problem ? error : undefined;
  return (
    <section className="card failure" role="alert">
      <div className="sec">
        <div className="row row--3 row--top">
          <Icon name="alert" />
          <div className="col gap-2 grow">
            <h2 className="t4">{title ?? said.title}</h2>
            {title !== undefined && <p>{said.title}</p>}
            {said.detail && <p className="dim">{said.detail}</p>}
            {(retry || children) && (
              <div className="row">
                {retry && (
                  <Button icon="refresh" onClick={retry}>
                    {words.again}
                  </Button>
                )}
                {children}
              </div>
            )}
          </div>
        </div>
      </div>
      {problem && problem.status > 0 && (
        <Suspense fallback={null}>
          <Details problem={problem} retry={retry} />
        </Suspense>
      )}
    </section>
  );
}

/** The words for an error. */
export function explain(error: unknown): { title: string; detail: string } {
  if (!(error instanceof Problem))
    return { title: words.broken, detail: error instanceof Error ? error.message : String(error) };
  switch (error.status) {
    case 0:
      return { title: navigator.onLine ? words.noAnswer : words.offline, detail: words.nothingLost };
    case 401:
      return { title: words.signedOut, detail: words.nothingLost };
    case 403:
      return { title: words.forbidden, detail: error.detail };
    case 404:
      return { title: words.missing, detail: error.detail };
    case 429:
    case 503:
      return { title: words.busy, detail: error.detail || words.nothingLost };
    default:
      return error.status >= 500
        ? { title: words.ours, detail: words.oursDetail }
        : { title: say(words.refused), detail: error.detail || error.message };
  }
}

/** Nothing yet: one sentence and the next thing to do. */
export function Empty({ title, level = 2, children }: { title: string; level?: 1 | 2; children?: ReactNode }) {
  const Heading = `h${level}` as const;
  return (
    <div className="center">
      <div className="col gap-3 empty">
        <Heading className="t4">{title}</Heading>
        {children}
      </div>
    </div>
  );
}

/** One line for a state of the whole place. */
export function Band({
  tone,
  icon,
  children,
}: {
  tone?: "warn" | "bad" | "accent" | undefined;
  icon: IconName;
  children: ReactNode;
}) {
  return (
    <div className={tone ? `band band--${tone}` : "band"} role="status">
      <Icon name={icon} />
      {children}
    </div>
  );
}
