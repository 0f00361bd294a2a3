// One answer being produced, as this page sees it. It is watched, not owned: it goes on when the page is closed, and
// is found again by its id. Events are taken in as they come and painted at most once a frame.
import { Problem, api, events } from "../api/client";
import type { ApiProblem, LossInfo, Message, StreamEvent, Usage } from "../api/types";
import { together } from "../chat/tree";
import { type Draft, accumulate, emptyDraft } from "./accumulate";

export type RunState = "connecting" | "waiting" | "streaming" | "ended" | "lost";
export type ToolState = "waiting" | "running" | "done" | "failed";

export interface Snapshot {
  id: string;
  conversation: string | null;
  /** the message that it answers */
  parent: string | null;
  message: string | null;
  model: string;
  state: RunState;
  draft: Draft;
  began: number;
  first: number | null;
  ended: number | null;
  attempts: number;
  failovers: { from: string; to: string }[];
  losses: LossInfo[];
  tools: Record<string, { name: string; state: ToolState; result?: string }>;
  approvals: { call: string; name: string; arguments: unknown; each: boolean }[];
  cost: string | null;
  usage: Usage | null;
  error: ApiProblem | null;
  /** what is kept already of an answer that calls tools */
  kept: Message[];
  /** the whole answer, as it is shown */
  final: Message | null;
}

const RECONNECTS = 6;

export class Run {
  private snapshot: Snapshot;
  private readonly listeners = new Set<() => void>();
  private pending: StreamEvent[] = [];
  private frame = 0;
  private lastId = "";
  private readonly aborter = new AbortController();
  private onEnd: ((kept: Message[]) => void) | null = null;

  constructor(start: { id: string; conversation: string | null; parent?: string | null; message: string | null; model: string }) {
    this.snapshot = {
      ...start,
      parent: start.parent ?? null,
      state: "connecting",
      draft: emptyDraft,
      began: performance.now(),
      first: null,
      ended: null,
      attempts: 1,
      failovers: [],
      losses: [],
      tools: {},
      approvals: [],
      cost: null,
      usage: null,
      error: null,
      kept: [],
      final: null,
    };
  }

  get = (): Snapshot => this.snapshot;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Follows the run until it ends; a broken connection is taken up where it broke. */
  async watch(onEnd?: (kept: Message[]) => void): Promise<void> {
    this.onEnd = onEnd ?? null;
    for (let tries = 0; tries <= RECONNECTS && !this.over; tries += 1) {
      try {
        const path = `/api/runs/${encodeURIComponent(this.snapshot.id)}/events`;
        for await (const event of events(path, { lastId: this.lastId, signal: this.aborter.signal })) {
          tries = 0;
          this.lastId = event.id || this.lastId;
          this.take(event.name, JSON.parse(event.data) as Record<string, unknown>);
          if (this.over) return;
        }
      } catch (error) {
        if (this.aborter.signal.aborted) return;
        if (error instanceof Problem && !error.info.retryable && error.status !== 0) {
          this.flush();
          this.change({ state: "lost", error: error.info, ended: performance.now() });
          this.onEnd?.([]);
          return;
        }
      }
      if (!this.over) await new Promise((resume) => setTimeout(resume, Math.min(8000, 400 * 2 ** tries)));
    }
    if (!this.over) {
      this.flush();
      this.change({ state: "lost", ended: performance.now() });
      this.onEnd?.([]);
    }
  }

  async stop(): Promise<void> {
    await api.post(`/api/runs/${encodeURIComponent(this.snapshot.id)}/stop`);
  }

  async decide(call: string, decision: "allow" | "deny", always = false): Promise<void> {
    const before = this.snapshot.approvals;
    this.change({ approvals: before.filter((one) => one.call !== call) });
    try {
      await api.post(`/api/runs/${encodeURIComponent(this.snapshot.id)}/tools/${encodeURIComponent(call)}/approve`, { decision, always });
    } catch (error) {
      const gone = error instanceof Problem && error.status === 404; // answered elsewhere, or too late
      if (!gone) {
        this.change({ approvals: before });
        throw error;
      }
    }
  }

  /** Ends it without waiting for what comes of that: the page may be on its way out. */
  abandon(): void {
    api.farewell(`/api/runs/${encodeURIComponent(this.snapshot.id)}/stop`);
  }

  /** Looks away; the run itself goes on. */
  leave(): void {
    this.aborter.abort();
    cancelAnimationFrame(this.frame);
  }

  get over(): boolean {
    return this.snapshot.state === "ended" || this.snapshot.state === "lost";
  }

  private take(name: string, data: Record<string, unknown>): void {
    switch (name) {
      case "run_start":
        this.change({
          state: "waiting",
          model: String(data["model"] ?? this.snapshot.model),
          parent: (data["parent"] as string | null | undefined) ?? this.snapshot.parent,
        });
        break;
      case "attempt":
        this.change({ attempts: Number(data["number"] ?? 1) });
        break;
      case "failover":
        this.change({
          failovers: [...this.snapshot.failovers, { from: String(data["from"]), to: String(data["to"]) }],
        });
        break;
      case "event":
        this.pending.push(data as unknown as StreamEvent);
        if (!this.frame) this.frame = requestAnimationFrame(this.paint);
        break;
      case "loss":
        this.change({ losses: [...this.snapshot.losses, data as unknown as LossInfo] });
        break;
      case "tool_state": {
        const call = String(data["call"]);
        const result = data["result"];
        this.flush(); // the call itself, before what became of it
        this.change({
          // whoever answered, on whatever page: it waits no more
          approvals: data["state"] === "waiting" ? this.snapshot.approvals : this.snapshot.approvals.filter((one) => one.call !== call),
          tools: {
            ...this.snapshot.tools,
            [call]: {
              name: String(data["name"]),
              state: data["state"] as ToolState,
              ...(typeof result === "string" ? { result } : {}),
            },
          },
        });
        break;
      }
      case "approval":
        this.change({
          approvals: [
            ...this.snapshot.approvals,
            { call: String(data["call"]), name: String(data["name"]), arguments: data["arguments"], each: data["each"] === true },
          ],
        });
        break;
      case "cost":
        this.change({ cost: (data["cost"] as string | null) ?? null, usage: (data["usage"] as Usage | null) ?? null });
        break;
      case "error":
        this.flush();
        this.change({ error: data["error"] as ApiProblem });
        break;
      case "message":
        this.flush();
        this.change({ kept: [...this.snapshot.kept, data["message"] as Message] });
        break;
      case "run_end": {
        this.flush();
        const last = (data["message"] as Message | null) ?? null;
        const answers = [...this.snapshot.kept.filter((one) => one.role === "assistant"), ...(last ? [last] : [])];
        const final = last ? answers.reduce(together) : null;
        this.change({ state: "ended", ended: performance.now(), approvals: [], final });
        this.onEnd?.(last ? [...this.snapshot.kept, last] : []);
        break;
      }
      default:
        break; // a newer gateway may say more than this page knows
    }
  }

  private readonly paint = (): void => {
    this.frame = 0;
    this.flush();
  };

  private flush(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (this.pending.length === 0) return;
    const now = performance.now();
    const events = this.pending;
    this.pending = [];
    const draft = accumulate(this.snapshot.draft, events, now);
    const begun = draft.parts.length > 0;
    this.change({
      draft,
      state: begun ? "streaming" : this.snapshot.state,
      first: this.snapshot.first ?? (begun ? now : null),
    });
  }

  private change(changes: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...changes };
    for (const listener of this.listeners) listener();
  }
}
