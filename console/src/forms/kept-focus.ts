import { type RefObject, useEffect } from "react";

const controls = "input:enabled, select:enabled, textarea:enabled, button:enabled";

/** Keeps the focus in a form: where the control that had it goes, it is on the one that takes its place. */
export function useKeptFocus(form: RefObject<HTMLElement | null>) {
  useEffect(() => {
    const element = form.current;
    if (!element) return;
    let last: { control: Element; at: number } | null = null;
    const all = () => [...element.querySelectorAll<HTMLElement>(controls)];
    const remember = ({ target }: FocusEvent) => {
      last = target instanceof HTMLElement ? { control: target, at: all().indexOf(target) } : null;
    };
    const forget = ({ target }: FocusEvent) => {
      if (target instanceof Element && target.isConnected) last = null;
    };
    const observer = new MutationObserver(() => {
      if (!last || last.control.isConnected || document.activeElement !== document.body) return;
      const left = all();
      left[Math.min(last.at, left.length - 1)]?.focus();
    });
    element.addEventListener("focusin", remember);
    element.addEventListener("focusout", forget);
    observer.observe(element, { childList: true, subtree: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("focusin", remember);
      element.removeEventListener("focusout", forget);
    };
  }, [form]);
}
