import { type ReactNode, useEffect, useRef, useState } from "react";
import words from "#words/details";
import { formatTime, formatUTC } from "../format";
import type { Problem } from "../problem";
import { say } from "../say";
import { IconButton } from "./button";

/** What the API found wrong in a request, and what support needs to know about it. */
export default function Details({ problem, retry }: { problem: Problem; retry?: (() => void) | undefined }): ReactNode {
  return (
    <>
      {retry && problem.retryAfter !== undefined && <ByItself problem={problem} retry={retry} />}
      {problem.faults.length > 0 && <Faults problem={problem} />}
      <Support problem={problem} />
    </>
  );
}

/** Does it again when the time is over that the answer asked to wait. */
function ByItself({ problem, retry }: { problem: Problem; retry: () => void }) {
  const latest = useRef(retry);
  useEffect(() => {
    latest.current = retry;
  });
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const due = problem.at + (problem.retryAfter ?? 0) * 1000;
    const timer = setInterval(tick, 500);
    tick();
    return () => clearInterval(timer);

    function tick() {
      const seconds = Math.ceil((due - Date.now()) / 1000);
      setLeft(Math.max(0, seconds));
      if (seconds > 0 || document.hidden) return;
      clearInterval(timer);
      latest.current();
    }
  }, [problem]);
  return left > 0 && <p className="sec sec--tight dim">{say(words.byItself, { n: left })}</p>;
}

function Faults({ problem }: { problem: Problem }) {
  return (
    <ul className="sec sec--tight">
      {problem.faults.slice(0, 20).map((fault) => (
        <li key={`${fault.pointer} ${fault.detail}`}>
          <code>{fault.pointer || "/"}</code> {fault.detail}
        </li>
      ))}
    </ul>
  );
}

function Support({ problem }: { problem: Problem }) {
  return (
    <details className="sec support">
      <summary className="label">{words.support}</summary>
      <dl className="facts t2">
        {problem.requestId && (
          <>
            <dt>{words.request}</dt>
            <dd className="row row--1">
              <code>{problem.requestId}</code>
              <IconButton
                small
                icon="copy"
                label={words.copy}
                onClick={() => void navigator.clipboard.writeText(problem.requestId)}
              />
            </dd>
          </>
        )}
        <dt>{words.answer}</dt>
        <dd>
          <code>
            {problem.status} {problem.code}
          </code>
        </dd>
        {problem.call && (
          <>
            <dt>{words.call}</dt>
            <dd>
              <code>{problem.call}</code>
            </dd>
          </>
        )}
        <dt>{words.when}</dt>
        <dd title={formatUTC(problem.at)}>{formatTime(problem.at)}</dd>
      </dl>
    </details>
  );
}
