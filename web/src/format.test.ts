import { describe, expect, it } from "vitest";

import { ago, bytes, count, money, seconds } from "./format";

describe("figures", () => {
  it("show money with as many digits as it needs, and never zero for what is unknown", () => {
    expect(money("0.0042")).toBe("$0.0042");
    expect(money("0.00000123")).toBe("$0.0000012");
    expect(money("12.5")).toBe("$12.50");
    expect(money("0")).toBe("$0");
    for (const unknown of [null, undefined, "", "nonsense"]) expect(money(unknown)).toBe("unknown");
  });

  it("show counts, times and sizes", () => {
    expect(count(1234567)).toBe("1,234,567");
    expect(count(null)).toBe("unknown");
    expect([seconds(0), seconds(0.0002), seconds(0.0123)]).toEqual(["< 1 ms", "< 1 ms", "12 ms"]);
    expect([seconds(0.42), seconds(12.34), seconds(125), seconds(null)]).toEqual(["0.42 s", "12.3 s", "2 min 5 s", "unknown"]);
    expect([bytes(12), bytes(1500), bytes(2_500_000_000)]).toEqual(["12 B", "1.5 kB", "2.5 GB"]);
  });

  it("show how long ago something was", () => {
    const now = Date.parse("2026-11-20T12:00:00Z");
    expect(ago("2026-11-20T11:59:50Z", now)).toBe("just now");
    expect(ago("2026-11-20T11:30:00Z", now)).toMatch(/30 min/);
    expect(ago("2026-11-18T12:00:00Z", now)).toMatch(/2 days/);
    expect(ago("2026-01-02T12:00:00Z", now)).toMatch(/2026/);
    expect(ago("never", now)).toBe("");
  });
});
