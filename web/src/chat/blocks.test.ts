import { describe, expect, it } from "vitest";

import { type Cut, cut, definitions, dollars, nothingCut } from "./blocks";

const TEXT = [
  "# Title",
  "",
  "A paragraph of",
  "two lines.",
  "",
  "- one",
  "",
  "- two",
  "  more of two",
  "",
  "```python",
  "a = 1",
  "",
  "b = 2",
  "```",
  "",
  "$$",
  "x",
  "",
  "y",
  "$$",
  "",
  "The end [1].",
  "",
].join("\n");

describe("cutting Markdown into blocks", () => {
  it("keeps every letter, and neither code, formulas nor lists are torn", () => {
    const { blocks } = cut(TEXT);
    expect(blocks.join("")).toBe(TEXT);
    expect(blocks.filter((block) => block.includes("```"))).toHaveLength(1);
    expect(blocks.filter((block) => block.includes("$$"))).toHaveLength(1);
    expect(blocks.find((block) => block.startsWith("- one"))).toContain("more of two");
  });

  it("finds the same blocks whatever the pieces in which a text comes", () => {
    for (const size of [1, 2, 3, 7, 50]) {
      let now: Cut = nothingCut;
      for (let end = size; end < TEXT.length + size; end += size) now = cut(TEXT.slice(0, end), now);
      expect(now.blocks).toEqual(cut(TEXT).blocks);
    }
  });

  it("never changes a block that is followed by another", () => {
    let now: Cut = nothingCut;
    for (let end = 1; end <= TEXT.length; end += 1) {
      const next = cut(TEXT.slice(0, end), now);
      const finished = now.blocks.slice(0, -1);
      expect(next.blocks.slice(0, finished.length)).toEqual(finished);
      now = next;
    }
  });

  it("begins anew where a text is another one", () => {
    expect(cut("short", cut(TEXT)).blocks).toEqual(["short"]);
  });
});

describe("formulas", () => {
  it("take the forms that the parser knows", () => {
    expect(dollars("so \\(a+b\\) is")).toBe("so $a+b$ is");
    expect(dollars("\\[x\\]")).toBe("\n$$\nx\n$$\n");
    expect(dollars("$$S = k_B$$")).toBe("$$\nS = k_B\n$$");
  });

  it("are left alone in code", () => {
    expect(dollars("`\\(a\\)` and\n```\n\\[x\\]\n$$y$$\n```\n")).toBe("`\\(a\\)` and\n```\n\\[x\\]\n$$y$$\n```\n");
  });
});

it("definitions of links are found wherever they stand", () => {
  expect(definitions("a [b][c]\n\n[c]: https://example.org\n")).toBe("[c]: https://example.org");
  expect(definitions("none")).toBe("");
});
