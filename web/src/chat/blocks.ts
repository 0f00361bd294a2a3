// Markdown cut into blocks that no later text can change, so that only the last is drawn again while it grows.

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const LIST = /^ {0,3}([-*+]|\d{1,9}[.)])(\s|$)/;
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:\s*\S+.*$/gm;

export interface Cut {
  blocks: string[];
  /** how much of the text the finished blocks take */
  done: number;
}

export const nothingCut: Cut = { blocks: [], done: 0 };

/** Takes up where an earlier cut of the same, shorter text left off. The last block is the one that may still grow. */
export function cut(text: string, before: Cut = nothingCut): Cut {
  const kept = before.done <= text.length ? before.blocks.slice(0, -1) : [];
  let start = before.done <= text.length ? before.done : 0;
  if (start === 0) kept.length = 0;
  const blocks = kept;
  let fence = "";
  let math = false;
  let list = false;
  let blank = -1;
  let at = start;
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(at, end);
    const empty = line.trim() === "";
    if (fence) {
      const closing = FENCE.exec(line);
      if (closing && line.trim().startsWith(fence) && line.trim().replaceAll(fence[0] ?? "`", "") === "") fence = "";
    } else if (math) {
      if (line.trim().endsWith("$$") || line.trim() === "\\]") math = false;
    } else if (!empty) {
      if (blank >= 0) {
        const goesOn = list && (/^\s{2,}/.test(line) || LIST.test(line));
        if (!goesOn && newline >= 0) {
          // A line is only judged once it is whole: "1" may yet become "1. item".
          blocks.push(text.slice(start, at));
          start = at;
          list = false;
        }
        blank = -1;
      }
      const opening = FENCE.exec(line);
      if (opening) fence = opening[1] ?? "";
      else if (/^\s*\$\$/.test(line) && !/\$\$.*\$\$\s*$/.test(line)) math = true;
      else if (line.trim() === "\\[") math = true;
      if (start === at) list = LIST.test(line);
    } else if (blank < 0) {
      blank = at;
    }
    if (newline < 0) break;
    at = newline + 1;
  }
  blocks.push(text.slice(start));
  return { blocks, done: start };
}

/** Link definitions of a whole text; a block that refers to one elsewhere is given them. */
export function definitions(text: string): string {
  return text.includes("]: ") ? (text.match(DEFINITION) ?? []).join("\n") : "";
}

const CODE = /(^ {0,3}```[\s\S]*?(?:^ {0,3}```|$(?![\s\S]))|`[^`\n]+`)/m;

/** `\(…\)`, `\[…\]` and a line of `$$…$$` in the forms that the parser knows, outside of code. */
export function dollars(text: string): string {
  if (!text.includes("\\(") && !text.includes("\\[") && !text.includes("$$")) return text;
  return text
    .split(CODE)
    .map((piece, at) =>
      at % 2
        ? piece
        : piece
            .replace(/\\\[([\s\S]*?)\\\]/g, (_, inner: string) => `\n$$\n${inner.trim()}\n$$\n`)
            .replace(/^([ \t]*)\$\$([^$\n]+)\$\$[ \t]*$/gm, (_, room: string, inner: string) => `${room}$$\n${room}${inner.trim()}\n${room}$$`)
            .replace(/\\\(([\s\S]*?)\\\)/g, (_, inner: string) => `$${inner.trim()}$`),
    )
    .join("");
}
