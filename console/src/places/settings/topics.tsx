import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import words from "#words/topics";
import { api, call, type Schemas } from "../../api";
import { keys, queries } from "../../queries";
import { Button } from "../../ui/button";
import { Failure, Skeleton } from "../../ui/states";
import { TopicsEditor } from "./topics-editor";

type Topics = Schemas["Topics"];

/** The topics of messages. Admins change them. */
export function TopicsCard({ settings, admin }: { settings: Schemas["Settings"]; admin: boolean }) {
  const [editing, setEditing] = useState(false);
  const none = Object.keys(settings.topics).length === 0;
  return (
    <section className="card" aria-label={words.topics}>
      <div className="sec">
        <div className="row row--top">
          <div className="grow">
            <h2 className="t4">{words.topics}</h2>
            <p className="dim">{words.detail}</p>
          </div>
          {admin && !editing && (
            <Button small icon="pencil" onClick={() => setEditing(true)}>
              {none ? words.addFirst : words.edit}
            </Button>
          )}
        </div>
        {editing ? (
          <Editing settings={settings} onClose={() => setEditing(false)} />
        ) : (
          <>
            <TopicTable topics={settings.topics} />
            {admin && !none && <UnsubscribePage />}
          </>
        )}
      </div>
    </section>
  );
}

/** Topics as they are stored, by name. */
export function TopicTable({ topics }: { topics: Topics }) {
  const rows = Object.entries(topics).sort(([, a], [, b]) => a.name.localeCompare(b.name));
  if (rows.length === 0) return <p>{words.none}</p>;
  return (
    <table className="table table--flush">
      <thead>
        <tr>
          <th scope="col">{words.topic}</th>
          <th scope="col">{words.channels}</th>
          <th scope="col">{words.atFirst}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([id, topic]) => (
          <tr key={id}>
            <td>
              {topic.name} <code className="dim t2">{id}</code>
            </td>
            <td>{topic.channels.join(", ")}</td>
            <td>{words.defaults[topic.default]}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The page on which people unsubscribe, in a frame: with the stored topics, and as a page that stores nothing. */
function UnsubscribePage() {
  const [open, setOpen] = useState(false);
  const stored = useTenantSettings(open);
  const page = stored.data?.data.unsubscribePage;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="label">{words.page}</summary>
      {open && (
        <div className="col gap-2 topics-page">
          <p className="help">{words.pageDetail}</p>
          {stored.error ? (
            <Failure error={stored.error} retry={() => void stored.refetch()} />
          ) : page === undefined ? (
            stored.data ? (
              <p>{words.noPage}</p>
            ) : (
              <Skeleton rows={3} />
            )
          ) : (
            <iframe className="unsubscribe-page" src={page} sandbox="allow-forms" title={words.page} />
          )}
        </div>
      )}
    </details>
  );
}

/** The stored topics and their tag, read anew by each that asks. */
function useTenantSettings(enabled = true) {
  return useQuery({
    queryKey: keys.tenantSettings,
    queryFn: ({ signal }) => call(api.GET("/tenant-settings", { signal })),
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false, // what is being edited stays
    enabled,
  });
}

/** The editor, once the stored topics and their tag are read. */
function Editing({ settings, onClose }: { settings: Schemas["Settings"]; onClose: () => void }) {
  const stored = useTenantSettings();
  if (stored.error) return <Failure error={stored.error} retry={() => void stored.refetch()} />;
  if (stored.data === undefined) return <Skeleton rows={3} />;
  return (
    <TopicsEditor
      settings={settings}
      stored={stored.data}
      onClose={onClose}
      onSaved={() => {
        void queries.invalidateQueries({ queryKey: keys.settings });
        void queries.invalidateQueries({ queryKey: ["customer"] });
        onClose();
      }}
    />
  );
}
