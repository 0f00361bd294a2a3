// Files of a ZIP, read where they lie: its list of contents first, then only those that are wanted, so that gigabytes
// of pictures beside the conversations are never read. Format: PKWARE's APPNOTE 6.3, with ZIP64.

export interface Entry {
  name: string;
  /** bytes once unpacked */
  size: number;
  open: () => Promise<ReadableStream<Uint8Array>>;
}

const END = 0x06054b50;
const END_64_PLACE = 0x07064b50;
const END_64 = 0x06064b50;
const LISTED = 0x02014b50;
const LONGEST_COMMENT = 0xffff;
const FULL = 0xffffffff;

async function view(blob: Blob, from: number, to: number): Promise<DataView> {
  return new DataView(await blob.slice(from, to).arrayBuffer());
}

/** Where the list of contents begins, and how many bytes and entries it has. */
async function place(file: Blob): Promise<{ from: number; size: number; count: number }> {
  const base = Math.max(0, file.size - LONGEST_COMMENT - 22);
  const tail = await view(file, base, file.size);
  for (let at = tail.byteLength - 22; at >= 0; at -= 1) {
    if (tail.getUint32(at, true) !== END) continue;
    const found = { from: tail.getUint32(at + 16, true), size: tail.getUint32(at + 12, true), count: tail.getUint16(at + 10, true) };
    if (found.from !== FULL && found.count !== 0xffff) return found;
    const before = at - 20;
    if (before < 0 || tail.getUint32(before, true) !== END_64_PLACE) break;
    const where = Number(tail.getBigUint64(before + 8, true));
    const end = await view(file, where, where + 56);
    if (end.byteLength < 56 || end.getUint32(0, true) !== END_64) break;
    return { from: Number(end.getBigUint64(48, true)), size: Number(end.getBigUint64(40, true)), count: Number(end.getBigUint64(32, true)) };
  }
  throw new Error("its list of contents is missing");
}

/** What is larger than 32 bits stands in an extra field, in this order. */
function large(list: DataView, from: number, to: number, wanted: number[]): number[] {
  for (let at = from; at + 4 <= to; at += 4 + list.getUint16(at + 2, true)) {
    if (list.getUint16(at, true) !== 1) continue;
    let next = at + 4;
    return wanted.map((value) => {
      if (value !== FULL) return value;
      next += 8;
      return Number(list.getBigUint64(next - 8, true));
    });
  }
  return wanted;
}

async function open(file: Blob, offset: number, packed: number, method: number): Promise<ReadableStream<Uint8Array>> {
  const head = await view(file, offset, offset + 30);
  const from = offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const stream = file.slice(from, from + packed).stream();
  if (method === 0) return stream;
  if (method !== 8) throw new Error(`it is packed in a way that is not known (${method})`);
  return stream.pipeThrough(new DecompressionStream("deflate-raw") as ReadableWritablePair<Uint8Array, Uint8Array>);
}

/** The files of a ZIP.
 *
 * Throws an Error that says why where it is none. */
export async function entries(file: Blob): Promise<Entry[]> {
  const { from, size, count } = await place(file);
  const list = await view(file, from, from + size);
  const text = new TextDecoder();
  const found: Entry[] = [];
  let at = 0;
  while (found.length < count && at + 46 <= list.byteLength && list.getUint32(at, true) === LISTED) {
    const [name, extra, comment] = [list.getUint16(at + 28, true), list.getUint16(at + 30, true), list.getUint16(at + 32, true)];
    const method = list.getUint16(at + 10, true);
    const end = at + 46 + name + extra;
    const told = [list.getUint32(at + 24, true), list.getUint32(at + 20, true), list.getUint32(at + 42, true)];
    const [unpacked = 0, packed = 0, offset = 0] = large(list, at + 46 + name, end, told);
    found.push({
      name: text.decode(new Uint8Array(list.buffer, at + 46, name)),
      size: unpacked,
      open: () => open(file, offset, packed, method),
    });
    at = end + comment;
  }
  if (found.length < count) throw new Error("its list of contents is broken");
  return found;
}
