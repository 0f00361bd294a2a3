import { describe, expect, it } from "vitest";

import type { Message } from "../api/types";
import { leafBelow, path, textOf } from "./tree";

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

  it("tells its plain text", () => {
    expect(textOf({ ...message("a", null), parts: [{ type: "reasoning", text: "no" }, { type: "text", text: "yes" }] })).toBe("yes");
  });
});
