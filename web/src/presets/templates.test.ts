import { describe, expect, test } from "vitest";

import type { Preset } from "../api/types";
import { applied, choices, filled, setsAnything, variablesOf } from "./templates";

const preset = (name: string, more: Partial<Preset> = {}): Preset => ({ name, settings: {}, ...more });

describe("a template", () => {
  test("names its variables in order, each once", () => {
    expect(variablesOf("Into {{language}}: {{ input }} ({{language}}) {{1}} {{}} {x}")).toEqual(["language", "input"]);
  });

  test("is filled once: what a value holds is not looked at again", () => {
    expect(filled("{{a}} and {{b}}", { a: "{{b}}", b: "$& two" })).toBe("{{b}} and $& two");
  });

  test("keeps a variable that has no value, to be seen", () => {
    expect(filled("Dear {{name}}", {})).toBe("Dear {{name}}");
  });
});

describe("choosing", () => {
  const all = [preset("terse", { system: "Be brief." }), preset("translate into", { template: "{{input}}" }), preset("into", { template: "{{x}}" })];
  const names = (written: string): string[] => choices(all, written).map((one) => one.preset.name);

  test("shows templates first, then those that begin with what is written", () => {
    expect(names("")).toEqual(["translate into", "into", "terse"]);
    expect(names("IN")).toEqual(["into", "translate into"]);
    expect(names("nothing")).toEqual([]);
  });

  test("takes what stands behind a whole name as what is asked", () => {
    expect(choices(all, "into Good morning ")).toEqual([{ preset: all[2], input: "Good morning" }]);
  });

  test("takes a preset's settings, and the chat's model where it has none", () => {
    expect(applied({ model: "a/b", temperature: 1 }, preset("terse", { system: "Be brief.", settings: { top_p: 0.5 } }))).toEqual({
      top_p: 0.5, system: "Be brief.", model: "a/b", preset: "terse",
    });
    expect([setsAnything(preset("x", { template: "y", settings: { tools: [] } })), setsAnything(preset("x", { model: "m" }))]).toEqual([false, true]);
  });
});
