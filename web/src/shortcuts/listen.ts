// Hears keys for whoever offers an action: one listener, which asks the table what was meant.
import { useLayoutEffect, useRef } from "react";

import { readKept, useKept } from "../state/kept";
import { ACTIONS, type ActionId, type Changes, keysOf } from "./actions";
import { type Pressed, combination, isWriting } from "./keys";

const NAME = "shortcuts";
const NONE: Changes = {};
const offered = new Map<ActionId, (() => void)[]>();

export const changesNow = (): Changes => readKept<Changes>(NAME, NONE);
export const useChanges = (): [Changes, (next: Changes) => void] => useKept<Changes>(NAME, NONE);
export const useKeys = (id: ActionId): string | null => keysOf(id, useChanges()[0]);

/** Whether an event in a field or list of its own means this action. */
export function means(event: Pressed, id: ActionId): boolean {
  const keys = keysOf(id, changesNow());
  return keys !== null && keys === combination(event);
}

const FIELD = 'input:not([type="checkbox"], [type="radio"], [type="button"]), textarea, select, [contenteditable="true"]';

function hear(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const keys = combination(event);
  if (keys === null) return;
  const changes = changesNow();
  const found = ACTIONS.find(
    (one) => (one.where === "everywhere" || one.where === "chat") && keysOf(one.id, changes) === keys && (offered.get(one.id)?.length ?? 0) > 0,
  );
  if (!found) return;
  if (isWriting(keys) && event.target instanceof Element && event.target.matches(FIELD)) return;
  // What lies over the page has the keys to itself; only the palette is called from anywhere. Esc closes a menu alone.
  if (over.dialog && found.id !== "palette") return;
  if (over.menu && keys === "Escape") return;
  event.preventDefault();
  offered.get(found.id)?.at(-1)?.();
}

/** What lay over the page when a key went down: it may have closed itself by the time that we hear of it. */
const over = { dialog: false, menu: false };

function look(): void {
  over.dialog = document.querySelector('[aria-modal="true"]') !== null;
  over.menu = [...document.querySelectorAll('[role="menu"], [role="listbox"]')].some((one) => one.checkVisibility());
}

if (typeof window !== "undefined") {
  window.addEventListener("keydown", look, true);
  window.addEventListener("keydown", hear);
}

/** Offers to do something for as long as a component is shown; whoever came last is asked. */
export function useAction(id: ActionId, act: () => void, on = true): void {
  const latest = useRef(act);
  latest.current = act;
  // From the moment that it is seen: keys are pressed by those who see it.
  useLayoutEffect(() => {
    if (!on) return;
    const call = (): void => latest.current();
    offered.set(id, [...(offered.get(id) ?? []), call]);
    return () => {
      offered.set(id, (offered.get(id) ?? []).filter((one) => one !== call));
    };
  }, [id, on]);
}
