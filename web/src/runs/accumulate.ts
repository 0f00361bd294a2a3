// Canonical events become parts, as types/accumulate.py does it in the gateway. Parts that are finished keep their
// identity, so that what was painted is not painted again.
import type { Part, StreamEvent, Usage } from "../api/types";

export interface Draft {
  parts: Part[];
  usage: Usage | null;
  /** when the part of this index began and ended, in milliseconds */
  times: { began: number; ended: number | null }[];
  /** where the message begins that is coming: an answer that calls tools is several */
  base: number;
}

export const emptyDraft: Draft = { parts: [], usage: null, times: [], base: 0 };

function grown(part: Part, event: StreamEvent): Part {
  const text = event.text ?? "";
  let next: Part = part;
  if (text) {
    if (part.type === "tool_call") next = { ...part, raw: (part.raw ?? "") + text };
    else if (part.type === "blob") next = { ...part, content: (part.content ?? "") + text };
    else next = { ...part, text: (part.text ?? "") + text };
  }
  if (event.annotation) next = { ...next, annotations: [...(next.annotations ?? []), event.annotation] };
  return next;
}

/** The draft after some events; only what they touch is new. */
export function accumulate(draft: Draft, events: readonly StreamEvent[], now: number): Draft {
  if (events.length === 0) return draft;
  const parts = draft.parts.slice();
  const times = draft.times.slice();
  let { usage, base } = draft;
  for (const event of events) {
    if ((event.choice ?? 0) !== 0) continue;
    const index = base + (event.index ?? 0);
    switch (event.type) {
      case "message_start":
        base = parts.length;
        break;
      case "part_start":
        if (event.part) {
          parts[index] = event.part;
          times[index] = { began: now, ended: null };
        }
        break;
      case "part_delta": {
        const part = parts[index];
        if (part) parts[index] = grown(part, event);
        break;
      }
      case "part_end": {
        const time = times[index];
        if (time) times[index] = { ...time, ended: now };
        break;
      }
      case "usage_update":
        usage = event.usage ?? usage;
        break;
      default:
        break;
    }
  }
  return { parts, usage, times, base };
}
