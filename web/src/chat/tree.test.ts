import { describe, expect, it } from "vitest";

import type { Message } from "../api/types";
import { joined, leafBelow, path, textOf, together } from "./tree";

const message = (id: string, parent: string | null): Message => ({ id, parent, role: "user", parts: [{ type: "text", text: id }], created: "", answer: null });
const ALL = [message("a", null), message("b", "a"), message("b2", "a"), message("c", "b"), message("c2", "b2"), message("d2", "c2")];

describe("a tree of messages", () => {
  it("shows the way from its root to a leaf, with the siblings of each turn", () => {
    const turns = path(ALL, "c");
    expect(turns.map((turn) => turn.message.id)).toEqual(["a", "b", "c"]);
    expect(turns[1]).toMatchObject({ siblings: ["b", "b2"], at: 0 });
  });

  it("leads from a sibling to the newest leaf below it", () => {
    expect(leafBelow(ALL, "b2")).toBe("d2");
    expect(leafBelow(ALL, "c")).toBe("c");
  });

  it("ends where a parent is missing or a circle closes", () => {
    expect(path(ALL, "nowhere")).toEqual([]);
    const circle = [message("x", "y"), message("y", "x")];
    expect(path(circle, "x").length).toBe(2);
    expect(leafBelow(circle, "x")).toBeTypeOf("string");
  });

  it("shows an answer that called tools as one, with what all of it took", () => {
    const answer = (cost: string | null) => ({ usage: { input_tokens: 3, output_tokens: 4 }, cost, seconds: 1, first_seconds: 0.5, attempts: [], losses: [], model: "m" }) as unknown as NonNullable<Message["answer"]>;
    const turns: Message[] = [
      message("q", null),
      { ...message("a1", "q"), role: "assistant", answer: answer("0.25") },
      { ...message("t1", "a1"), role: "tool" },
      { ...message("a2", "t1"), role: "assistant", answer: answer("0.005") },
      message("q2", "a2"),
      { ...message("a3", "q2"), role: "assistant", answer: answer(null) },
    ];
    const shown = joined(path(turns, "a3"));
    expect(shown.map((turn) => turn.message.id)).toEqual(["q", "a2", "q2", "a3"]);
    expect(shown[1]).toMatchObject({ first: "a1", siblings: ["a1"], message: { parent: "q" } });
    expect(shown[1]?.message.parts.map((part) => part.text)).toEqual(["a1", "a2"]);
    expect(shown[1]?.message.answer).toMatchObject({ cost: "0.255", usage: { input_tokens: 6, output_tokens: 8 }, seconds: 2 });
    expect(shown[3]?.first).toBeUndefined();
    const [one, other] = [turns[1], turns[5]];
    expect(one && other && together(one, other).answer?.cost).toBeNull();
  });

  it("tells its plain text", () => {
    expect(textOf({ ...message("a", null), parts: [{ type: "reasoning", text: "no" }, { type: "text", text: "yes" }] })).toBe("yes");
  });
});
