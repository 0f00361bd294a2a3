// What every page knows of a call by voice: whether its panel is open, and how the call stands. The call itself, with
// LiveKit's client, comes when the panel is opened for the first time.
import { useSyncExternalStore } from "react";

export type Phase = "idle" | "connecting" | "waiting" | "listening" | "thinking" | "speaking" | "failed";

export interface Voice {
  opened: boolean;
  phase: Phase;
}

let now: Voice = { opened: false, phase: "idle" };
const listeners = new Set<() => void>();

export const voice = {
  get: (): Voice => now,
  /** ends the call, where there is one: the call puts it here */
  leave: (): void => undefined,
  change: (change: Partial<Voice>): void => {
    now = { ...now, ...change };
    for (const listener of listeners) listener();
  },
};

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useVoice(): Voice {
  return useSyncExternalStore(subscribe, voice.get);
}

/** Whether somebody is in a call, or on the way into one. */
export function inCall(phase: Phase): boolean {
  return phase !== "idle" && phase !== "failed";
}
