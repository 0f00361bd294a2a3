import { expect, test } from "vitest";

import type { Answer, Message } from "../api/types";
import { costOf, totalsOf } from "./totals";

function answered(cost: string | null, input: number | null = 10, output = 5): Message {
  const usage = input === null ? null : { input_tokens: input, output_tokens: output };
  return { id: "m", parent: null, role: "assistant", parts: [], created: "", answer: { cost, usage } as Answer } as Message;
}
const asked = { id: "q", parent: null, role: "user", parts: [], created: "", answer: null } as Message;

test("all answers count, whatever branch they are of, and questions do not", () => {
  expect(totalsOf([asked, answered("0.001"), asked, answered("0.0005", 20, 7)])).toEqual({ answers: 2, input: 30, output: 12, uncounted: 0, cost: 0.0015, unpriced: 0 });
});

test("a sum that lacks a cost says so, and nothing but unknown costs is unknown, not nothing", () => {
  expect(costOf(totalsOf([answered("0.25"), answered("0.25")]))).toBe("$0.50");
  expect(costOf(totalsOf([answered("0.25"), answered(null)]))).toBe("≥ $0.25");
  expect(costOf(totalsOf([answered(null, null)]))).toBe("unknown");
  expect(costOf(totalsOf([]))).toBe("$0");
});
