import { useEffect, useState } from "react";
import words from "#words/topics";
import { type Answer, api, call, type Schemas } from "../../api";
import { channelNames } from "../../channels";
import { askBeforeLeaving } from "../../kept";
import { hasStatus, Problem } from "../../problem";
import { say } from "../../say";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { SaveFoot } from "../../ui/save-foot";
import { type Draft, faultOf, newTopic, readTopics, TopicForm, writeTopics } from "./topic-form";
import { TopicTable } from "./topics";

type Stored = Answer<Schemas["TenantSettings"]>;

interface EditorProps {
  settings: Schemas["Settings"];
  stored: Stored;
  onClose: () => void;
  onSaved: () => void;
}

/** Edits all topics. What another admin saved meanwhile is shown before it is replaced. */
export function TopicsEditor({ settings, stored, onClose, onSaved }: EditorProps) {
  const [drafts, setDrafts] = useState<Draft[]>(() => {
    const read = readTopics(stored.data.topics);
    return read.length === 0 ? [newTopic(settings, [])] : read;
  });
  const [base, setBase] = useState(stored); // what the edit replaces
  const [theirs, setTheirs] = useState<Stored | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [edited, setEdited] = useState(false);
  useEffect(() => (edited ? askBeforeLeaving(() => true) : undefined), [edited]);
  const most = settings.limits.maxTopics;
  const longest = settings.limits.maxTopicNameCharacters;
  const names = [...channelNames(settings).keys()];
  const own = settings.channels.some(({ name }) => name === "*");
  const change = (next: Draft[]) => {
    setEdited(true);
    setDrafts(next);
  };

  const save = async (over: string) => {
    setBusy(true);
    setError(undefined);
    setTheirs(null);
    try {
      const body = { topics: writeTopics(drafts) };
      await call(api.PUT("/tenant-settings", { params: { header: { "If-Match": over } }, body }));
      onSaved();
    } catch (problem) {
      if (hasStatus(problem, 412)) {
        await call(api.GET("/tenant-settings")).then(setTheirs, setError);
      } else setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const faults = error instanceof Problem ? error.faults : [];
  const wrong = drafts.map((draft) => faultOf(draft, longest)).find((fault) => fault !== undefined);
  const kept = writeTopics(drafts);
  const removed = Object.entries(base.data.topics).filter(([id]) => !Object.hasOwn(kept, id));
  return (
    <div className="col gap-3">
      {drafts.map((draft, i) => (
        <TopicForm
          key={draft.key}
          draft={draft}
          channels={names}
          own={own}
          longest={longest}
          faults={faults}
          onChange={(next) => change(drafts.with(i, next))}
          onRemove={() => change(drafts.toSpliced(i, 1))}
        />
      ))}
      {drafts.length === 0 && <p>{words.none}</p>}
      <div className="row">
        <Button
          small
          icon="plus"
          waits={drafts.length >= most ? say(words.full, { n: most }) : undefined}
          onClick={() => change([...drafts, newTopic(settings, drafts)])}
        >
          {words.add}
        </Button>
      </div>
      {removed.length > 0 && (
        <p className="row" role="status">
          <Icon name="warning" />
          <span>{say(words.removed, { names: removed.map(([, topic]) => topic.name).join(", ") })}</span>
        </p>
      )}
      {wrong !== undefined && <p className="help">{wrong}</p>}
      <SaveFoot
        waits={wrong}
        busy={busy}
        error={error}
        notSaved={words.notSaved}
        theirs={theirs}
        conflict={words.conflict}
        onClose={onClose}
        onSave={() => void save(base.etag)}
        onTake={(taken) => {
          setDrafts(readTopics(taken.data.topics));
          setBase(taken);
          setTheirs(null);
          setEdited(false);
        }}
        onReplace={(replaced) => {
          setBase(replaced);
          void save(replaced.etag);
        }}
      >
        {({ data }) => <TopicTable topics={data.topics} />}
      </SaveFoot>
    </div>
  );
}
