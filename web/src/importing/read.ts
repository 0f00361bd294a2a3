// Exports as pieces that the gateway takes: the ZIP is opened here, and what it holds is sent some chats at a time, so
// that an export of any size goes through, and one knows how far it is.
import { type Entry, entries } from "./zip";

/** ChatGPT cuts large exports into numbered files. */
const WANTED = /(^|\/)conversations(-\d+)?\.json$/;
/** Well under what a gateway takes at once. */
export const MOST_LETTERS = 4_000_000;
const MOST_CHATS = 100;

export interface Batch {
  body: string;
  /** chats in it */
  count: number;
}

export class NoExport extends Error {
  readonly kind: "zip" | "empty" | "json";

  constructor(kind: "zip" | "empty" | "json", message = "") {
    super(message);
    this.kind = kind;
  }
}

async function isZip(file: Blob): Promise<boolean> {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return head[0] === 0x50 && head[1] === 0x4b;
}

/** The texts in which chats are. */
export async function* documents(file: Blob): AsyncGenerator<string> {
  if (!(await isZip(file))) {
    yield await file.text();
    return;
  }
  let found: Entry[];
  try {
    found = (await entries(file)).filter((one) => WANTED.test(one.name)).sort((one, other) => (one.name < other.name ? -1 : 1));
  } catch (error) {
    throw new NoExport("zip", error instanceof Error ? error.message : "");
  }
  if (found.length === 0) throw new NoExport("empty");
  for (const one of found) {
    try {
      yield await new Response(await one.open()).text();
    } catch (error) {
      throw new NoExport("zip", error instanceof Error ? error.message : "");
    }
  }
}

/** A list of messages is one chat, and so is what is no list. */
function chatsOf(value: unknown): unknown[] | null {
  if (!Array.isArray(value)) return null;
  const isMessage = (one: unknown): boolean => typeof one === "object" && one !== null && "role" in one;
  return value.length > 0 && value.every(isMessage) ? null : value;
}

/** The chats of a text, some at a time. */
export function batches(text: string): Batch[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new NoExport("json", error instanceof Error ? error.message : "");
  }
  const chats = chatsOf(value);
  if (chats === null) return [{ body: text, count: 1 }];
  const found: Batch[] = [];
  let held: string[] = [];
  let letters = 0;
  const close = (): void => {
    if (held.length > 0) found.push({ body: `[${held.join(",")}]`, count: held.length });
    held = [];
    letters = 0;
  };
  for (const chat of chats) {
    const body = JSON.stringify(chat);
    if (letters + body.length > MOST_LETTERS || held.length >= MOST_CHATS) close();
    held.push(body);
    letters += body.length;
  }
  close();
  return found;
}
