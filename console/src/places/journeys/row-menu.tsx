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
  isEditor: boolean;
  run: (verb: Verb) => void;
  ask: (verb: "archive" | "delete") => void;
}

/** The verbs of a journey: those that its status and the reader's role allow. */
export function RowMenu({ row, isEditor, run, ask }: RowMenuProps) {
  const role = useStore(session)?.role;
  const { id: journey, status } = row;
  const launched = status !== "draft";
  const items: (MenuItem | false)[] = [
    (launched || !isEditor) && {
      icon: "live",
      label: words.live,
      href: href({ name: "graph", journey, mode: "live" }),
    },
    isEditor && { icon: "build", label: words.edit, key: "E", href: href({ name: "graph", journey, mode: "build" }) },
    isEditor && { icon: "simulate", label: words.simulate, href: href({ name: "graph", journey, mode: "simulate" }) },
    isEditor && launched && { icon: "people", label: words.people, href: href({ name: "people", journey }) },
    isEditor && status === "draft" && { icon: "launch", label: words.launch, href: href({ name: "launch", journey }) },
    isEditor && null,
    isEditor && { icon: "copy", label: words.duplicate, run: () => run("duplicate") },
    isEditor && { icon: "download", label: words.export, run: () => run("export") },
    isEditor && status === "active" && { icon: "pause", label: words.pause, run: () => run("pause") },
    isEditor && status === "paused" && { icon: "play", label: words.resume, run: () => run("resume") },
    isEditor && status === "archived" && { icon: "undo", label: words.unarchive, run: () => run("unarchive") },
    isEditor && (status !== "archived" || role === "admin") && null,
    isEditor && status !== "archived" && { icon: "archived", label: words.archive, run: () => ask("archive") },
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
