// What the gateway's own API says, as values. Times are RFC 3339 texts, money decimal texts in USD; null is unknown.

export interface Session {
  signed_in: boolean;
  admin: boolean;
  tenant: string | null;
  key: string | null;
  version: string;
  features: { voice: boolean };
  default_model: string;
  needs_key: boolean;
}

export interface ApiProblem {
  code: string;
  message: string;
  remedy: string | null;
  fault: "caller" | "gateway" | "provider";
  retryable: boolean;
  request_id: string | null;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface ChatSettings {
  model?: string | null;
  system?: string | null;
  temperature?: number | null;
  top_p?: number | null;
  max_output_tokens?: number | null;
  reasoning_effort?: string | null;
  json_schema?: unknown;
  tools?: string[];
  preset?: string | null;
}

export interface Conversation {
  id: string;
  title: string;
  folder: string | null;
  pinned: boolean;
  archived: boolean;
  created: string;
  updated: string;
  active: string | null;
  settings: ChatSettings;
  snippet?: string;
}

export interface ConversationWhole extends Conversation {
  messages: Message[];
}

export interface Annotation {
  kind: string;
  url?: string;
  title?: string;
  cited_text?: string;
  start?: number;
  end?: number;
}

/** A canonical part, tagged by `type`; the fields that a kind lacks are absent. */
export interface Part {
  type:
    | "text"
    | "reasoning"
    | "refusal"
    | "blob"
    | "uri"
    | "file"
    | "tool_call"
    | "tool_call_response"
    | "server_tool_call"
    | "server_tool_call_response"
    | "opaque";
  text?: string;
  summary?: boolean;
  annotations?: Annotation[];
  modality?: "image" | "audio" | "video" | "document";
  mime_type?: string;
  /** base64 */
  content?: string;
  uri?: string;
  id?: string;
  name?: string;
  /** a tool call's arguments as the model wrote them */
  raw?: string;
  arguments?: unknown;
  response?: Part[];
  is_error?: boolean;
}

/** A piece of a streamed answer. */
export interface StreamEvent {
  type: "message_start" | "part_start" | "part_delta" | "part_end" | "usage_update" | "message_end" | "failed";
  index?: number;
  choice?: number;
  part?: Part;
  text?: string;
  annotation?: Annotation;
  usage?: Usage;
}

export interface Usage {
  input_tokens: number | null;
  output_tokens: number | null;
  cache_read?: number | null;
  cache_creation?: number | null;
  reasoning?: number | null;
}

export interface AttemptInfo {
  target: string;
  status: number | null;
  error: string | null;
  seconds: number;
  why?: string | null;
}

/** A try with its phases, in seconds since the call came in; null is not known, or did not come to pass. */
export interface TimedAttempt extends AttemptInfo {
  lane: string;
  sent: number;
  head: number | null;
  first: number | null;
  end: number;
}

export interface LossInfo {
  field: string;
  reason: string;
  action: string;
  dialect?: string;
}

export type AnswerStatus = "running" | "done" | "stopped" | "interrupted" | "failed";

export interface Answer {
  request_id: string | null;
  model: string;
  provider: string;
  model_name: string;
  status: AnswerStatus;
  finish: string | null;
  usage: Usage | null;
  cost: string | null;
  seconds: number | null;
  first_seconds: number | null;
  tokens_per_second: number | null;
  attempts: AttemptInfo[];
  losses: LossInfo[];
  error: ApiProblem | null;
  run: string | null;
}

export interface Message {
  id: string;
  parent: string | null;
  role: "system" | "user" | "assistant" | "tool";
  parts: Part[];
  created: string;
  answer: Answer | null;
}

/** A tool that models may call in a chat. */
export interface Tool {
  name: string;
  source: string;
  description: string | null;
  approval: "ask" | "allow";
  /** asked for each time, whatever was said before */
  each: boolean;
}

/** In dollars per million tokens; lists of models hold the first two alone. */
export interface Price {
  input: string | null;
  output: string | null;
  cache_read?: string | null;
  cache_creation?: string | null;
  tiers?: { when: string; input: string | null; output: string | null }[];
  source?: string | null;
  since?: string | null;
}

export type CredentialState =
  | "missing"
  | "present"
  | "valid"
  | "invalid"
  | "rate_limited"
  | "unreachable"
  | "none_needed";

export interface Model {
  id: string;
  provider: string;
  name: string;
  context: number | null;
  max_output: number | null;
  capabilities: Record<string, boolean | null>;
  price: Price | null;
  released: string | null;
  shutdown: string | null;
  local: boolean;
  state: CredentialState;
  alias: boolean;
  targets?: string[];
}

export interface Provider {
  id: string;
  name: string;
  monogram: string;
  dialects: string[];
  base_url: string;
  default_model: string;
  needs_credential: boolean;
  state: CredentialState;
  source: string | null;
  tail: string | null;
  checked: string | null;
  models: number | null;
  local: boolean;
  aliases: string[];
}

export interface Credential {
  provider: string;
  profile: string;
  source: string;
  tail: string;
  writable: boolean;
}

export interface VirtualKey {
  name: string;
  tail: string;
  tenant: string;
  models: string[];
  rpm: number | null;
  tpm: number | null;
  concurrency: number | null;
  budget: string | null;
  expires: string | null;
  created: string | null;
  revoked: string | null;
  source: string;
}

export interface Route {
  name: string;
  targets: { target: string; weight?: number | null }[];
  strategy: string;
  fallbacks: Record<string, string[]>;
  source: string;
  editable: boolean;
  state: { target: string; breaker: string }[];
}

export interface RequestRow {
  request_id: string;
  tenant: string;
  key: string;
  started: string;
  seconds: number;
  dialect: string;
  operation: string;
  stream: boolean;
  model: string;
  status: number;
  error: string | null;
  target: string | null;
  lane: string | null;
  attempts: TimedAttempt[];
  losses: LossInfo[];
  usage: Usage | null;
  cost: string | null;
  first_seconds: number | null;
  finish: string | null;
  decisions: { target: string; what: string; why: string }[];
  tags: string[];
  conversation: string | null;
}

/** A canonical message as it was kept; files are told by their size. */
export interface KeptMessage {
  role: string;
  parts: Part[];
}

export interface KeptContent {
  kept: boolean;
  why?: "off" | "gone";
  dialect?: string;
  request?: { raw?: string; model?: string; messages?: KeptMessage[]; tools?: unknown[] } | null;
  response?: { raw?: string; choices?: { message: KeptMessage }[] } | null;
  error?: string | null;
  shortened?: boolean;
  created?: string;
}

/** What `il bench` and this gateway measured. */
export interface Benchmark {
  id: string;
  started: string;
  seen: string | null;
  state: "running" | "stopping" | "done" | "stopped" | "failed" | "lost";
  by: string;
  models: string[];
  prompts: number;
  runs: number;
  at_once: number;
  max_output_tokens: number | null;
  calls: number;
  done: number;
  error: string | null;
  figures: {
    model: string;
    calls: number;
    failed: number;
    first_p50: number | null;
    first_p95: number | null;
    total_p50: number | null;
    total_p95: number | null;
    speed_p50: number | null;
    throughput: number | null;
    cost: string | null;
    errors: Record<string, number>;
  }[];
}

/** An Ollama server that could be on this machine, and what it says. */
export interface LocalServer {
  provider: string;
  name: string;
  base_url: string;
  address: string;
  found: boolean;
  models: string[];
  used: boolean;
  editable: boolean;
  error: string | null;
}

/** What would become of a request, told without sending it. */
export interface Explained {
  targets: {
    target: string;
    dialect: string;
    lane: string;
    callable: boolean;
    estimate: { input_tokens: number; most_output_tokens: number; least_cost: string | null; most_cost: string | null };
    losses: LossInfo[];
    why: string;
    rests: string | null;
    error: { code: string; message: string; remedy: string | null } | null;
  }[];
  fallbacks: Record<string, string[]>;
  attempts: number;
  timeout: number | null;
  failover: boolean;
  continues: boolean;
}

export interface UsageRow {
  day?: string;
  model?: string;
  provider?: string;
  key?: string;
  tag?: string;
  calls: number;
  failed: number;
  input_tokens: number | null;
  output_tokens: number | null;
  cache_read: number | null;
  cost: string | null;
  unknown_cost_calls: number;
  hits?: number;
  saved?: string | null;
  prompts_saved?: string | null;
  saved_input_tokens?: number;
  saved_output_tokens?: number;
}

export interface UsageReport {
  items: UsageRow[];
  totals: UsageRow;
}

export interface Budget {
  scope: string;
  name: string;
  limit: string;
  period: string;
  spent: string | null;
  reserved: string | null;
  resets: string | null;
}

export interface Performance {
  model: string;
  calls: number;
  last: string;
  first_p50: number | null;
  first_p95: number | null;
  tps_p50: number | null;
  tps_p95: number | null;
  errors: number;
  interrupted: number;
  series: { time: string; first_p50: number | null; first_p95: number | null; tps_p50: number | null; tps_p95: number | null; errors: number; interrupted: number; calls: number }[];
}

export interface SettingItem {
  path: string;
  value: unknown;
  source: "default" | "file" | "environment" | "overlay";
  editable: boolean;
}

export interface Estimate {
  input_tokens: number | null;
  exact: boolean;
  output_reserved: number | null;
  cost: string | null;
  context: number | null;
  fits: boolean;
  losses: LossInfo[];
  problems: { feature: string; part: string | null; message: string; alternatives: string[] }[];
}

export interface Preset {
  name: string;
  model?: string | null;
  system?: string | null;
  template?: string | null;
  variables?: string[];
  settings: ChatSettings;
}

export interface LocalModel {
  name: string;
  size: number | null;
  loaded: boolean;
  present: boolean;
}
