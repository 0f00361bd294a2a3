import { crc32, deflateRawSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { entries } from "./zip";

/** A ZIP as others write it. */
function zip(files: Record<string, string>, packed: boolean, comment = ""): Blob {
  const pieces: Buffer[] = [];
  const list: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text);
    const body = packed ? deflateRawSync(data) : data;
    const common = Buffer.alloc(22);
    common.writeUInt16LE(packed ? 8 : 0, 4);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(body.length, 14);
    common.writeUInt32LE(data.length, 18);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    common.copy(head, 4);
    head.writeUInt16LE(Buffer.byteLength(name), 26);
    head.writeUInt16LE(3, 28);
    const row = Buffer.alloc(46);
    row.writeUInt32LE(0x02014b50, 0);
    common.copy(row, 6);
    row.writeUInt16LE(Buffer.byteLength(name), 28);
    row.writeUInt32LE(offset, 42);
    pieces.push(head, Buffer.from(name), Buffer.from("\0\0\0"), body);
    list.push(row, Buffer.from(name));
    offset += 30 + Buffer.byteLength(name) + 3 + body.length;
  }
  const size = list.reduce((sum, piece) => sum + piece.length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return new Blob([...pieces, ...list, end, Buffer.from(comment)].map((piece) => new Uint8Array(piece)));
}

const read = async (blob: Blob): Promise<Record<string, string>> =>
  Object.fromEntries(await Promise.all((await entries(blob)).map(async (one) => [one.name, await new Response(await one.open()).text()])));

describe("a ZIP", () => {
  const files = { "conversations.json": '[{"title": "Grüße"}]', "a/ä.json": "x".repeat(70_000), empty: "" };

  test.each([[true], [false]])("gives its files back, packed %s", async (packed) => {
    expect(await read(zip(files, packed))).toEqual(files);
    expect((await entries(zip(files, packed))).map((one) => one.size)).toEqual([21 + 1, 70_000, 0]);
  });

  test("may bear a comment that looks like its end", async () => {
    expect(await read(zip({ a: "b" }, true, "a comment of some letters"))).toEqual({ a: "b" });
  });

  test.each([[""], ["PK\x03\x04 and then nothing"]])("is refused where it is none", async (text) => {
    await expect(entries(new Blob([text]))).rejects.toThrow("list of contents");
  });

  test("is refused where its list breaks off", async () => {
    const whole = new Uint8Array(await zip(files, true).arrayBuffer());
    const end = whole.length - 22;
    await expect(entries(new Blob([whole.slice(0, end - 60), whole.slice(end)]))).rejects.toThrow("list of contents");
  });
});
