import words from "#words/journeys";
import { href } from "../../route";
import { say } from "../../say";
import { session } from "../../session";
import { useStore } from "../../store";
import { Icon } from "../../ui/icon";
import { Menu, type MenuItem } from "../../ui/menu";
import type { Row } from "./list";
import type { Verb } from "./verbs";

interface RowMenuProps {
  row: Row;
  run: (verb: Verb) => void;
  ask: (verb: "archive" | "delete") => void;
}

/** What an editor can do with a journey in its status; an admin may delete it, too. */
export function RowMenu({ row, run, ask }: RowMenuProps) {
  const role = useStore(session)?.role;
  const { id: journey, status } = row;
  const launched = status !== "draft";
  const items: (MenuItem | false)[] = [
    launched && {
      icon: "live",
      label: words.live,
      href: href({ name: "graph", journey, mode: "live" }),
    },
    { icon: "build", label: words.edit, key: "E", wide: true, href: href({ name: "graph", journey, mode: "build" }) },
    { icon: "simulate", label: words.simulate, wide: true, href: href({ name: "graph", journey, mode: "simulate" }) },
    launched && { icon: "people", label: words.people, href: href({ name: "people", journey }) },
    status === "draft" && { icon: "launch", label: words.launch, wide: true, href: href({ name: "launch", journey }) },
    null,
    { icon: "copy", label: words.duplicate, run: () => run("duplicate") },
    { icon: "download", label: words.export, run: () => run("export") },
    status === "active" && { icon: "pause", label: words.pause, run: () => run("pause") },
    status === "paused" && { icon: "play", label: words.resume, run: () => run("resume") },
    status === "archived" && { icon: "undo", label: words.unarchive, run: () => run("unarchive") },
    (status !== "archived" || role === "admin") && null,
    status !== "archived" && { icon: "archived", label: words.archive, run: () => ask("archive") },
    role === "admin" && { icon: "trash", label: words.delete, bad: true, run: () => ask("delete") },
  ];
  return (
    <Menu
      label={say(words.more, { name: row.name })}
      className="btn btn--icon btn--quiet btn--s"
      items={items.filter((item) => item !== false)}
    >
      <Icon name="more" />
    </Menu>
  );
}
