import words from "#words/verbs";
import { href } from "../../route";
import type { Role } from "../../session";
import type { MenuItem } from "../../ui/menu";
import type { Row } from "./list";
import type { Verb } from "./verbs";

/** What a row does when a verb is chosen. */
export interface RowVerbs {
  run: (verb: Verb) => void;
  ask: (verb: "archive" | "delete") => void;
}

/** What an editor can do with a journey in its status; an admin may delete it, too. */
export function menuOf(
  { id: journey, status }: Row,
  role: Role | null | undefined,
  { run, ask }: RowVerbs,
): MenuItem[] {
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
  return items.filter((item) => item !== false);
}
