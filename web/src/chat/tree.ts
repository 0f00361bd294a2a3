// A conversation is a tree of messages; what is shown is the way from its root to the active leaf.
import type { Answer, Message } from "../api/types";

export interface Turn {
  message: Message;
  siblings: string[];
  at: number;
  /** where the answer begins, if tools were called within it: it is shown as one message, and kept as several */
  first?: string;
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

const sum = (one: number | null | undefined, other: number | null | undefined): number | null =>
  typeof one === "number" && typeof other === "number" ? one + other : null;

/** What a decimal text and another come to, digit for digit. */
function dollars(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return null;
  const places = Math.max(...[one, other].map((text) => text.split(".")[1]?.length ?? 0));
  const whole = (text: string): bigint => BigInt((text.split(".")[0] ?? "0") + (text.split(".")[1] ?? "").padEnd(places, "0"));
  const digits = (whole(one) + whole(other)).toString().padStart(places + 1, "0");
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

function summed(first: Answer, last: Answer): Answer {
  const usage =
    first.usage && last.usage
      ? { input_tokens: sum(first.usage.input_tokens, last.usage.input_tokens), output_tokens: sum(first.usage.output_tokens, last.usage.output_tokens) }
      : null;
  return {
    ...last,
    usage,
    cost: dollars(first.cost, last.cost),
    seconds: sum(first.seconds, last.seconds),
    first_seconds: first.first_seconds,
    // Each message took one; more than that are tries that failed.
    attempts: first.attempts.length > 1 ? [...first.attempts, ...last.attempts] : last.attempts,
    losses: [...first.losses, ...last.losses],
  };
}

/** Two messages of one answer, between which tools were called, as one that stands where the first does. */
export function together(first: Message, last: Message): Message {
  return {
    ...last,
    parent: first.parent,
    parts: [...first.parts, ...last.parts],
    answer: first.answer && last.answer ? summed(first.answer, last.answer) : (last.answer ?? first.answer),
  };
}

/** Turns as they are shown: an answer that called tools is one of them, and what the tools said is part of it. */
export function joined(turns: readonly Turn[]): Turn[] {
  const found: Turn[] = [];
  let within = false;
  for (const turn of turns) {
    const before = found.at(-1);
    if (turn.message.role === "tool") within = before?.message.role === "assistant";
    else {
      if (within && before && turn.message.role === "assistant") {
        found[found.length - 1] = { ...before, first: before.first ?? before.message.id, message: together(before.message, turn.message) };
      } else found.push(turn);
      within = false;
    }
  }
  return found;
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

/** What a chat is called until its title is known: its first words. */
export function firstWords(turns: readonly Turn[]): string {
  return turns[0] ? textOf(turns[0].message).replace(/\s+/g, " ").trim().slice(0, 80) : "";
}

/** All that is said in plain text. */
export function textOf(message: Message): string {
  return message.parts.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join("");
}
