// The one door to the gateway. Every failure leaves here as a Problem: what happened, whose fault, what to do.
import type { ApiProblem } from "./types";

const TOKEN = "interlingua-token";

export class Problem extends Error {
  readonly info: ApiProblem;
  readonly status: number;

  constructor(status: number, info: ApiProblem) {
    super(info.message);
    this.status = status;
    this.info = info;
  }
}

export const token = {
  get: (): string | null => sessionStorage.getItem(TOKEN),
  set: (value: string): void => sessionStorage.setItem(TOKEN, value),
  clear: (): void => sessionStorage.removeItem(TOKEN),
};

type Listener = () => void;
const signedOut = new Set<Listener>();

/** Calls back when the gateway no longer knows our token. */
export function onSignedOut(listener: Listener): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

function headers(more: Record<string, string>): Record<string, string> {
  const kept = token.get();
  return kept ? { ...more, authorization: `Bearer ${kept}` } : more;
}

async function problem(response: Response): Promise<Problem> {
  const id = response.headers.get("x-request-id");
  let info: ApiProblem = {
    code: "unreadable",
    message: `The gateway answered ${response.status}.`,
    remedy: null,
    fault: "gateway",
    retryable: response.status >= 500,
    request_id: id,
  };
  if (response.headers.get("content-type")?.includes("json")) {
    const body = (await response.json()) as { error?: Partial<ApiProblem> };
    info = { ...info, ...body.error, request_id: body.error?.request_id ?? id };
  }
  return new Problem(response.status, info);
}

async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "omit", redirect: "error" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, {
      code: "connection_failed",
      message: "The gateway cannot be reached.",
      remedy: "See whether `il serve` is running.",
      fault: "gateway",
      retryable: true,
      request_id: null,
    });
  }
  if (response.ok) return response;
  const failure = await problem(response);
  if (response.status === 401 && token.get() && path !== "/api/session") {
    token.clear();
    for (const listener of signedOut) listener();
  }
  throw failure;
}

const LASTING = new Set(["PATCH", "PUT", "DELETE"]);
/** Browsers refuse more than 64 KB of what outlives its page, of all such requests together. */
const MOST_LASTING = 60_000;
let lasting = 0;

/** Sends a request; one that changes what is there already is not taken back by leaving or reloading the page. */
async function sendToLast(path: string, init: RequestInit & { method: string; body: string | undefined }): Promise<Response> {
  const size = new TextEncoder().encode(init.body ?? "").length;
  if (!LASTING.has(init.method) || lasting + size > MOST_LASTING) return send(path, init);
  lasting += size;
  try {
    return await send(path, { ...init, keepalive: true });
  } finally {
    lasting -= size;
  }
}

async function json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await sendToLast(path, {
    method,
    headers: headers(body === undefined ? {} : { "content-type": "application/json" }),
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  });
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** A path with its query; what is empty is left out. */
export function at(path: string, query: Record<string, string | number | boolean | null | undefined | string[]>): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const each of value) found.append(name, each);
    else if (value !== null && value !== undefined && value !== "") found.set(name, String(value));
  }
  const text = found.toString();
  return text ? `${path}?${text}` : path;
}

export const api = {
  get: <T>(path: string, signal?: AbortSignal) => json<T>("GET", path, undefined, signal),
  post: <T>(path: string, body: unknown = {}, signal?: AbortSignal) => json<T>("POST", path, body, signal),
  put: <T>(path: string, body: unknown) => json<T>("PUT", path, body),
  patch: <T>(path: string, body: unknown) => json<T>("PATCH", path, body),
  delete: <T>(path: string) => json<T>("DELETE", path),
  /** Says something that outlives the page, and whose answer nobody waits for. */
  farewell: (path: string): void => void fetch(path, { method: "POST", headers: headers({ "content-type": "application/json" }), body: "{}", credentials: "omit", keepalive: true }).catch(() => undefined),
  blob: async (path: string): Promise<Blob> => (await send(path, { headers: headers({}) })).blob(),
};

export interface ServerEvent {
  id: string;
  name: string;
  data: string;
}

/** Server-sent events by fetch, for an EventSource cannot carry a bearer. */
export async function* events(
  path: string,
  init: { method?: string; body?: unknown; lastId?: string; signal?: AbortSignal; onOpen?: () => void } = {},
): AsyncGenerator<ServerEvent> {
  const more: Record<string, string> = { accept: "text/event-stream" };
  if (init.lastId) more["last-event-id"] = init.lastId;
  if (init.body !== undefined) more["content-type"] = "application/json";
  const response = await send(path, {
    method: init.method ?? "GET",
    headers: headers(more),
    body: init.body === undefined ? undefined : JSON.stringify(init.body),
    signal: init.signal,
  });
  init.onOpen?.();
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event: ServerEvent = { id: "", name: "message", data: "" };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (event.data !== "") yield { ...event, data: event.data.slice(0, -1) };
          event = { id: event.id, name: "message", data: "" };
          continue;
        }
        const colon = line.indexOf(":");
        if (colon === 0) continue;
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") event.name = text;
        else if (field === "data") event.data += `${text}\n`;
        else if (field === "id") event.id = text;
      }
    }
  } finally {
    await reader.cancel();
  }
}
