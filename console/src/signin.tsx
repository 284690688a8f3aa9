import { useEffect, useState } from "react";
import words from "#words/shell";
import { sessionLost, signIn, signOut } from "./session";
import { Button } from "./ui/button";
import { Dialog } from "./ui/dialog";
import { Icon } from "./ui/icon";
import { Failure } from "./ui/states";

/** The page of a visitor who is not signed in. */
export function SignIn({ failure }: { failure: unknown }) {
  const [error, setError] = useState(failure);
  return (
    <main className="center signin" id="main">
      <div className="col gap-4 empty">
        <span className="brand">
          <Icon name="logo" />
          {words.title}
        </span>
        <h1 className="t5">{words.signInTitle}</h1>
        <p className="dim">{words.signInDetail}</p>
        <Button look="primary" icon="key" onClick={() => signIn().catch(setError)}>
          {words.signIn}
        </Button>
        {error !== undefined && <Failure error={error} />}
      </div>
    </main>
  );
}

/** Over a page whose session ended. What the page holds is kept. */
export function SignedOutHere() {
  const [error, setError] = useState<unknown>();
  return (
    <Dialog title={words.lostTitle} onClose={() => sessionLost.set(true)}>
      <p>{words.lostDetail}</p>
      <div className="row">
        <Button look="primary" icon="key" onClick={() => signIn().catch(setError)}>
          {words.signIn}
        </Button>
      </div>
      {error !== undefined && <Failure error={error} />}
    </Dialog>
  );
}

/** The page of an account whose role cannot use the console. */
export function ForSystems() {
  useEffect(() => {
    document.title = words.title;
  }, []);
  return (
    <main className="center" id="main">
      <div className="col gap-4 empty">
        <h1 className="t5">{words.forSystems}</h1>
        <p className="dim">{words.forSystemsDetail}</p>
        <Button icon="leave" onClick={() => void signOut()}>
          {words.otherAccount}
        </Button>
      </div>
    </main>
  );
}
