// A conversation is a tree of messages; what is shown is the way from its root to the active leaf.
import type { Message } from "../api/types";

export interface Turn {
  message: Message;
  siblings: string[];
  at: number;
}

export function children(messages: readonly Message[]): Map<string | null, Message[]> {
  const found = new Map<string | null, Message[]>();
  for (const message of messages) {
    const list = found.get(message.parent);
    if (list) list.push(message);
    else found.set(message.parent, [message]);
  }
  return found;
}

/** The turns that lead to a leaf, first one first. */
export function path(messages: readonly Message[], leaf: string | null): Turn[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const below = children(messages);
  const found: Turn[] = [];
  const seen = new Set<string>();
  let at = leaf ? byId.get(leaf) : undefined;
  while (at && !seen.has(at.id)) {
    seen.add(at.id);
    const siblings = (below.get(at.parent) ?? [at]).map((one) => one.id);
    found.push({ message: at, siblings, at: siblings.indexOf(at.id) });
    at = at.parent ? byId.get(at.parent) : undefined;
  }
  return found.reverse();
}

/** The newest leaf below a message: where choosing a sibling leads to. */
export function leafBelow(messages: readonly Message[], id: string): string {
  const below = children(messages);
  let at = id;
  for (let depth = 0; depth <= messages.length; depth += 1) {
    const next = below.get(at)?.at(-1);
    if (!next) return at;
    at = next.id;
  }
  return at;
}

/** All that is said in plain text. */
export function textOf(message: Message): string {
  return message.parts.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join("");
}
