import { describe, expect, test } from "vitest";

import { MOST_LETTERS, batches } from "./read";

describe("an export is cut into pieces", () => {
  test("that hold every chat once and in order", () => {
    const chats = Array.from({ length: 1234 }, (_, at) => ({ title: `${at}` }));
    const found = batches(JSON.stringify(chats));
    expect(found.flatMap((one) => JSON.parse(one.body) as unknown[])).toEqual(chats);
    expect(found.map((one) => one.count).reduce((sum, count) => sum + count, 0)).toBe(1234);
    expect(Math.max(...found.map((one) => one.count))).toBeLessThanOrEqual(100);
  });

  test("none of which is larger than need be", () => {
    const chats = Array.from({ length: 9 }, () => ({ text: "x".repeat(MOST_LETTERS / 3) }));
    expect(batches(JSON.stringify(chats)).map((one) => one.count)).toEqual([2, 2, 2, 2, 1]);
  });

  test("but a list of messages and a file of ours stay whole", () => {
    for (const value of [[{ role: "user", content: "x" }], { interlingua_chat: 1 }]) {
      expect(batches(JSON.stringify(value))).toEqual([{ body: JSON.stringify(value), count: 1 }]);
    }
  });

  test("and what is no JSON is told", () => {
    expect(() => batches("<html>")).toThrow();
  });
});
