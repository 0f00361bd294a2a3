import { expect, test } from "vitest";

import { type Offer, parseInForce, remembered, same, written } from "./choices";

const OFFER: Offer = {
  llm_model: "lab/small",
  task_agent_provider: "lab",
  task_agent_model: "small",
  llm_models: ["lab/small", "lab/big"],
  task_agents: [
    { provider: "lab", model: "small" },
    { provider: "lab", model: "deep" },
  ],
  agent_name: "interlingua",
};
const DEFAULT = { llm_model: "lab/small", task_agent_provider: "lab", task_agent_model: "small" };

test("what was chosen is chosen again while it is offered", () => {
  expect(remembered(null, OFFER)).toEqual(DEFAULT);
  const kept = { llm_model: "lab/big", task_agent_provider: "lab", task_agent_model: "deep" };
  expect(remembered(kept, OFFER)).toEqual(kept);
  expect(remembered({ ...kept, llm_model: "gone" }, OFFER).llm_model).toBe("lab/small");
  expect(remembered({ ...kept, task_agent_provider: "far" }, OFFER)).toEqual({ ...DEFAULT, llm_model: "lab/big" });
});

test("an attribute that is not the agent's word says nothing", () => {
  for (const text of [undefined, "", "null", "[]", "x", "{}", '{"llm_model": 3}']) expect(parseInForce(text)).toBeNull();
  expect(parseInForce(JSON.stringify({ ...DEFAULT, refused: ["No.", 3], wishes: { llm_model: "a" } }))).toEqual({
    ...DEFAULT,
    refused: ["No."],
    wishes: { llm_model: "a" },
  });
});

test("wishes are the same where the names are, whatever else is there", () => {
  expect(same({ llm_model: "a" }, { llm_model: "a", task_agent_model: "" })).toBe(true);
  expect(same({ llm_model: "a" }, {})).toBe(false);
});

test("what is heard is corrected in its place, and nothing is no line", () => {
  let lines = written([], { id: "1", mine: true, text: " " });
  expect(lines).toEqual([]);
  lines = written(lines, { id: "1", mine: true, text: "what" });
  lines = written(lines, { id: "2", mine: false, text: "Well" });
  lines = written(lines, { id: "1", mine: true, text: "what is it" });
  expect(lines.map((line) => line.text)).toEqual(["what is it", "Well"]);
});
