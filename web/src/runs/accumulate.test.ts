import { describe, expect, it } from "vitest";

import type { StreamEvent } from "../api/types";
import { accumulate, emptyDraft } from "./accumulate";

const EVENTS: StreamEvent[] = [
  { type: "message_start" },
  { type: "part_start", index: 0, part: { type: "reasoning", text: "" } },
  { type: "part_delta", index: 0, text: "Let me " },
  { type: "part_delta", index: 0, text: "think." },
  { type: "part_end", index: 0 },
  { type: "part_start", index: 1, part: { type: "tool_call", id: "c", name: "look", raw: "" } },
  { type: "part_delta", index: 1, text: '{"a":' },
  { type: "part_delta", index: 1, text: "1}" },
  { type: "part_start", index: 0, choice: 1, part: { type: "text", text: "of another choice" } },
  { type: "usage_update", usage: { input_tokens: 1, output_tokens: 2 } },
  { type: "message_end" },
];

describe("accumulating events", () => {
  it("makes the parts of one answer", () => {
    const { parts, usage, times } = accumulate(emptyDraft, EVENTS, 5);
    expect(parts).toEqual([{ type: "reasoning", text: "Let me think." }, { type: "tool_call", id: "c", name: "look", raw: '{"a":1}' }]);
    expect(usage).toEqual({ input_tokens: 1, output_tokens: 2 });
    expect(times).toEqual([{ began: 5, ended: 5 }, { began: 5, ended: null }]);
  });

  it("gives the same whatever comes together", () => {
    let draft = emptyDraft;
    for (const event of EVENTS) draft = accumulate(draft, [event], 5);
    expect(draft).toEqual(accumulate(emptyDraft, EVENTS, 5));
  });

  it("puts the message that follows a tool's result behind the one that called it", () => {
    const first = accumulate(emptyDraft, EVENTS, 1);
    const next: StreamEvent[] = [{ type: "message_start" }, { type: "part_start", index: 0, part: { type: "text", text: "So" } }, { type: "part_delta", index: 0, text: " it is." }];
    const both = accumulate(first, next, 2);
    expect(both.parts.map((part) => part.type)).toEqual(["reasoning", "tool_call", "text"]);
    expect(both.parts[2]).toEqual({ type: "text", text: "So it is." });
    expect(both.parts[1]).toBe(first.parts[1]);
  });

  it("keeps the identity of parts that no event touches", () => {
    const before = accumulate(emptyDraft, EVENTS.slice(0, 6), 1);
    const after = accumulate(before, EVENTS.slice(6), 2);
    expect(after.parts[0]).toBe(before.parts[0]);
    expect(after.parts[1]).not.toBe(before.parts[1]);
    expect(accumulate(after, [], 3)).toBe(after);
  });
});
