import { type ReactNode, useEffect, useState } from "react";
import words from "#words/signin";
import { formatMinute } from "./format";
import { kept } from "./kept";
import { say } from "./say";
import { session, signIn, signOut } from "./session";
import { useStore } from "./store";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";
import { download } from "./ui/download";
import { Icon } from "./ui/icon";
import { Failure } from "./ui/states";

/** The page of a visitor who is not signed in. */
export function SignIn({ failure }: { failure: unknown }) {
  const [error, setError] = useState(failure);
  return (
    <Cover title={words.signInTitle} detail={words.signInDetail}>
      {error !== undefined && <Failure error={error} title={words.signInFailed} />}
      <div className="row">
        <Button look="primary" icon="key" onClick={() => signIn().catch(setError)}>
          {words.signIn}
        </Button>
      </div>
    </Cover>
  );
}

/** Over a page whose session ended. What the page holds is kept. */
export function SignedOutHere() {
  const [error, setError] = useState<unknown>();
  const who = useStore(session);
  const work = useStore(kept);
  const endedAt = (who?.expiresAt ?? 0) * 1000;
  return (
    <Dialog label={words.lostTitle}>
      <div className="row row--3 row--top">
        <span className="sign sign--info sign--big">
          <Icon name="lock" />
        </span>
        <div className="col gap-1">
          <h2 className="t4">{words.lostTitle}</h2>
          <p className="dim">
            {endedAt > 0 && endedAt < Date.now()
              ? say(words.lostAt, { time: formatMinute(endedAt) })
              : words.lostDetail}
          </p>
        </div>
      </div>
      {work !== null && (
        <dl className="facts well t2">
          <dt>{words.keptHere}</dt>
          <dd>{say(words.keptWork, { name: work.name, n: work.changes() })}</dd>
          {work.savedAt !== undefined && (
            <>
              <dt>{words.keptBefore}</dt>
              <dd>{formatMinute(work.savedAt)}</dd>
            </>
          )}
        </dl>
      )}
      {error !== undefined && <Failure error={error} title={words.signInFailed} />}
      <div className="row">
        <Button look="primary" icon="key" onClick={() => signIn().catch(setError)}>
          {words.signIn}
        </Button>
        {work !== null && (
          <Button icon="download" onClick={() => download(`${work.name}.json`, work.text())}>
            {words.keptDownload}
          </Button>
        )}
      </div>
      <p className="help">{work === null ? words.lostBack : words.lostBackWork}</p>
    </Dialog>
  );
}

/** The page of an account whose role cannot use the console. */
export function ForSystems() {
  const who = useStore(session);
  return (
    <Cover title={words.forSystems} detail={words.forSystemsDetail}>
      {who?.name && <p className="dim">{say(words.signedInAs, { name: who.name, tenant: who.tenant })}</p>}
      <div className="row">
        <Button icon="leave" onClick={() => void signOut()}>
          {words.otherAccount}
        </Button>
      </div>
    </Cover>
  );
}

function useShellTitle() {
  useEffect(() => {
    document.title = words.title;
  }, []);
}

/** A page with nothing but the product's name, what is so, and what to do. */
function Cover({ title, detail, children }: { title: string; detail: string; children: ReactNode }) {
  useShellTitle();
  return (
    <main className="center signin" id="main">
      <div className="dialog">
        <span className="brand">
          <Icon name="logo" />
          {words.title}
        </span>
        <div className="col gap-1">
          <h1 className="t5">{title}</h1>
          <p className="dim">{detail}</p>
        </div>
        {children}
      </div>
    </main>
  );
}
