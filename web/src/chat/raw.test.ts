import { execFileSync } from "node:child_process";

import { describe, expect, test } from "vitest";

import { curl, shortened } from "./raw";

describe("a request as text", () => {
  test("is a command that a shell reads as it was meant", () => {
    const body = { text: `It's "quoted" $HOME \\ and\nmore` };
    const command = curl({ method: "POST", url: "/v1/x", headers: [["a", "b"], ["authorization", "Bearer $KEY"]], body }, "http://127.0.0.1:8100");
    const said = execFileSync("sh", ["-c", command.replace(/^curl/, "printf '%s\\0'")], { env: { KEY: "il-1" } }).toString().split("\0");
    expect(said.slice(0, -1)).toEqual(["-X", "POST", "http://127.0.0.1:8100/v1/x", "-H", "a: b", "-H", "authorization: Bearer il-1", "-d", JSON.stringify(body)]);
  });

  test("is read without the letters of its pictures, and with all of its words", () => {
    const words = "word ".repeat(1000);
    const text = shortened({ words, picture: "A".repeat(5000) });
    expect(text).toContain(words);
    expect(text).toContain("(5,000)");
    expect(text.length).toBeLessThan(6000);
  });
});
