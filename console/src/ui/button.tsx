import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Icon, type IconName } from "./icon";

interface Look {
  icon?: IconName;
  look?: "plain" | "primary" | "bad" | "quiet";
  small?: boolean;
}

function classes({ look = "plain", small }: Look, iconOnly: boolean): string {
  return ["btn", look !== "plain" && `btn--${look}`, small && "btn--s", iconOnly && "btn--icon"]
    .filter(Boolean)
    .join(" ");
}

type ButtonProps = Look &
  Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> & {
    children?: ReactNode;
    /** Why it cannot be pressed now. It keeps its focus and says so. */
    waits?: string | undefined;
    /** The key that does the same. */
    keyName?: string;
  };

/** A button with words. What waits for something is drawn gray and says why. */
export function Button({ icon, look, small, children, waits, keyName, className, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={[classes({ look, small } as Look, false), className].filter(Boolean).join(" ")}
      title={waits ?? rest.title}
      aria-keyshortcuts={keyName}
      aria-disabled={waits === undefined ? rest["aria-disabled"] : true}
      onClick={waits === undefined ? onClick : (event) => event.preventDefault()}
    >
      {icon && <Icon name={icon} small={small ?? false} />}
      {children !== undefined && <span>{children}</span>}
      {keyName !== undefined && <kbd>{keyName}</kbd>}
      {waits !== undefined && <span className="sr">{waits}</span>}
    </button>
  );
}

type IconButtonProps = Look & { icon: IconName; label: string } & Omit<
    ButtonHTMLAttributes<HTMLButtonElement>,
    "children"
  >;

/** A button with an icon only. Its label is its name and its tooltip. */
export function IconButton({ icon, label, look = "quiet", small, ...rest }: IconButtonProps) {
  return (
    <button type="button" {...rest} className={classes({ look, small } as Look, true)} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}

type LinkButtonProps = Look & { href: string; children: ReactNode; "aria-label"?: string };

/** A link that looks like a button. */
export function LinkButton({ icon, look, small, href, children, ...rest }: LinkButtonProps) {
  return (
    <a {...rest} className={classes({ look, small } as Look, false)} href={href}>
      {icon && <Icon name={icon} small={small ?? false} />}
      <span>{children}</span>
    </a>
  );
}
