// The runs that this page watches, by conversation, so that going to another page and back finds them.
import { useSyncExternalStore } from "react";

import type { Run, Snapshot } from "./run";

const byConversation = new Map<string, Run>();
const listeners = new Set<() => void>();

export const runs = {
  of: (conversation: string): Run | undefined => byConversation.get(conversation),
  put: (conversation: string, run: Run): void => {
    byConversation.get(conversation)?.leave();
    byConversation.set(conversation, run);
    for (const listener of listeners) listener();
  },
  drop: (conversation: string, run: Run): void => {
    if (byConversation.get(conversation) !== run) return;
    byConversation.delete(conversation);
    for (const listener of listeners) listener();
  },
  leaveAll: (): void => {
    for (const run of byConversation.values()) run.leave();
    byConversation.clear();
  },
};

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The run of a conversation, if one is being watched. */
export function useRunOf(conversation: string | undefined): Run | undefined {
  return useSyncExternalStore(subscribe, () => (conversation ? byConversation.get(conversation) : undefined));
}

const never = (): (() => void) => () => undefined;
const nothing = (): null => null;

/** What a run is like now; null without one. */
export function useSnapshot(run: Run | undefined): Snapshot | null {
  return useSyncExternalStore(run ? run.subscribe : never, run ? run.get : nothing);
}

/** One simple value of a run; whoever asks is told only when it changes. */
export function useOfRun<T extends string | number | boolean | null>(run: Run | undefined, of: (snapshot: Snapshot) => T): T | null {
  return useSyncExternalStore(run ? run.subscribe : never, run ? () => of(run.get()) : nothing);
}
