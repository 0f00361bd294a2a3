import { describe, expect, it } from "vitest";

import type { Model } from "../api/types";
import { changes, filter, priceOf, providerOf, usable } from "./models";

const model = (id: string, more: Partial<Model> = {}): Model => ({
  id, provider: providerOf(id), name: id.split("/")[1] ?? id, context: 1000, max_output: null, capabilities: {}, price: null, released: null, shutdown: null, local: false, state: "valid", alias: false, ...more,
});
const seeing = model("one/eye", { capabilities: { vision: true, tools: true }, context: 200_000 });
const blind = model("two/blind", { capabilities: { vision: false, tools: true }, context: 8000 });

describe("models", () => {
  it("are found by every word, those first whose name begins with it", () => {
    const all = [model("x/turbo-mini"), model("y/mini"), blind, seeing];
    expect(filter(all, "mini").map((one) => one.id)).toEqual(["y/mini", "x/turbo-mini"]);
    expect(filter(all, "vision").map((one) => one.id)).toEqual(["one/eye"]);
    expect(filter(all, "vision two")).toEqual([]);
    expect(filter(all, " ")).toBe(all);
  });

  it("tell what changes when one follows another", () => {
    expect(changes(seeing, blind, true)).toEqual(["does not see images", "8K tokens of context", "reasoning of the earlier model is not sent"]);
    expect(changes(seeing, seeing, false)).toEqual([]);
    expect(changes(undefined, undefined, true)).toEqual([]);
  });

  it("cost nothing here, something elsewhere, or nobody knows", () => {
    const price = { input: "0.5", output: "2", tiers: [], source: null, since: null };
    expect(priceOf(model("a/b", { price }))).toBe("$0.50 in · $2.00 out");
    expect(priceOf(model("a/b", { price: { ...price, input: "0", output: "0" } }))).toBe("free");
    expect(priceOf(model("a/b"))).toBe("price unknown");
    expect(priceOf(model("a/b", { local: true }))).toBe("local");
  });

  it("are usable unless their key is missing or refused", () => {
    expect(usable(model("a/b", { state: "missing" }))).toBe(false);
    expect(usable(model("a/b", { state: "unreachable" }))).toBe(true);
  });
});
