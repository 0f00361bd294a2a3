// Tabs of one browser tell each other which chat has changed, so that a second one needs no reload.
import { useEffect, useRef } from "react";

const CHANNEL = "interlingua";
type Told = { chat: string };

const channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;

/** Says that a chat has changed, or that an answer in it has begun or ended. */
export function tellTabs(chat: string): void {
  channel?.postMessage({ chat } satisfies Told);
}

/** Calls back when another tab changed a chat. */
export function useToldByTabs(onTold: (chat: string) => void): void {
  const latest = useRef(onTold);
  latest.current = onTold;
  useEffect(() => {
    const hear = (event: MessageEvent<Told>): void => latest.current(event.data.chat);
    channel?.addEventListener("message", hear);
    return () => channel?.removeEventListener("message", hear);
  }, []);
}
