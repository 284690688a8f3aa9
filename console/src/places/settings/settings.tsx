import type { ReactNode } from "react";
import words from "#words/settings";
import licenses from "../../../generated/licenses.txt?url";
import type { Schemas } from "../../api";
import { Page } from "../../frame";
import { useSettings } from "../../queries";
import { session, signOut } from "../../session";
import { useStore } from "../../store";
import { Button } from "../../ui/button";
import { Failure, Skeleton } from "../../ui/states";
import { Limits } from "./limits";
import { Look } from "./look";
import { TopicsCard } from "./topics";
import "../../style/settings.css";

/** Who the reader is, what the installation offers, and how the browser shows it. */
export default function Settings() {
  const settings = useSettings();
  return (
    <Page title={words.title} place="settings">
      <div className="page page--settings col gap-4">
        <div>
          <h1 className="t5">{words.title}</h1>
          <p className="dim">{words.detail}</p>
        </div>
        <div className="settings-two">
          <You sub={settings.data?.caller.sub} />
          <Card title={words.look}>
            <Look />
            <div className="row">
              <span className="grow">{words.keysAndWords}</span>
              <Button small icon="help" onClick={() => window.dispatchEvent(new Event("journeys:help"))}>
                {words.openHelp}
              </Button>
            </div>
            {settings.data && (
              <div className="row">
                <span className="grow">{words.build}</span>
                <code>{settings.data.version}</code>
              </div>
            )}
            <a className="link t2" href={licenses} target="_blank" rel="noreferrer">
              {words.licenses}
            </a>
          </Card>
        </div>
        {settings.error ? (
          <Failure error={settings.error} retry={() => void settings.refetch()} />
        ) : settings.data ? (
          <Installation settings={settings.data} />
        ) : (
          <Skeleton rows={8} />
        )}
      </div>
    </Page>
  );
}

function Card({ title, detail, children }: { title: string; detail?: string; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <div className="sec">
        <div>
          <h2 className="t4">{title}</h2>
          {detail !== undefined && <p className="dim">{detail}</p>}
        </div>
        {children}
      </div>
    </section>
  );
}

const roles = {
  admin: [words.admin, words.adminDetail],
  editor: [words.editor, words.editorDetail],
  viewer: [words.viewer, words.viewerDetail],
} as const;

function You({ sub }: { sub: string | undefined }) {
  const who = useStore(session);
  if (who === null || who.role === null) return null;
  const [role, detail] = roles[who.role];
  return (
    <Card title={words.you}>
      <dl className="facts">
        <dt>{words.name}</dt>
        <dd>{who.name}</dd>
        <dt>{words.tenant}</dt>
        <dd>
          <code>{who.tenant}</code>
        </dd>
        <dt>{words.role}</dt>
        <dd>
          <b>{role}</b>
          <p className="dim">{detail}</p>
        </dd>
        {sub !== undefined && (
          <>
            <dt>{words.sub}</dt>
            <dd>
              <code>{sub}</code>
            </dd>
          </>
        )}
      </dl>
      <div className="row">
        <Button icon="leave" onClick={() => void signOut()}>
          {words.signOut}
        </Button>
      </div>
    </Card>
  );
}

function Installation({ settings }: { settings: Schemas["Settings"] }) {
  const { channels, decisions, limits } = settings;
  const who = useStore(session);
  return (
    <>
      <Card title={words.channels} detail={words.channelsDetail}>
        {channels.length === 0 ? (
          <p>{words.noChannels}</p>
        ) : (
          <table className="table table--flush">
            <thead>
              <tr>
                <th scope="col">{words.channel}</th>
                <th scope="col">{words.kind}</th>
                <th scope="col">{words.address}</th>
              </tr>
            </thead>
            <tbody>
              {channels.map(({ name, kind, address, feedback }) => (
                <tr key={name}>
                  <td>
                    <Name name={name} alone={channels.length === 1} />
                  </td>
                  <td>
                    {kindOf(kind)}
                    {feedback && <Heard feedback={feedback} />}
                  </td>
                  <td>
                    {address === undefined ? (
                      <span className="dim">{name === "*" ? words.anyAddress : words.noAddress}</span>
                    ) : (
                      <code>{address}</code>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
      <TopicsCard settings={settings} admin={who?.role === "admin"} />
      <Card title={words.decisions} detail={words.decisionsDetail}>
        {decisions.length === 0 ? (
          <p>{words.noDecisions}</p>
        ) : (
          <table className="table table--flush">
            <thead>
              <tr>
                <th scope="col">{words.decision}</th>
                <th scope="col">{words.kind}</th>
              </tr>
            </thead>
            <tbody>
              {decisions.map(({ name, kind }) => (
                <tr key={name}>
                  <td>
                    <Name name={name} alone={decisions.length === 1} />
                  </td>
                  <td>{kindOf(kind)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
      <Card title={words.limits} detail={words.limitsDetail}>
        <Limits limits={limits} />
      </Card>
    </>
  );
}

const heard = { heard: words.feedbackHeard, missing: words.feedbackMissing, waiting: words.feedbackWaiting } as const;

/** Whether bounces, clicks and the like of a channel arrive. */
function Heard({ feedback }: { feedback: keyof typeof heard }) {
  return <p className={feedback === "missing" ? "t2 warn" : "t2 dim"}>{heard[feedback]}</p>;
}

/** A name, or what `*` stands for. */
function Name({ name, alone }: { name: string; alone: boolean }) {
  if (name !== "*") return <code>{name}</code>;
  return <span className="dim">{alone ? words.anyName : words.anyOtherName}</span>;
}

const kinds: Record<string, string> = { inbox: words.inbox, ses: words.ses, http: words.http, rules: words.rules };

const kindOf = (kind: string) => kinds[kind] ?? kind;
