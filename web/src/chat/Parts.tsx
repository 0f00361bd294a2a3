// What a message is made of: text, reasoning (folded), tool calls with their state and results, media.
import { Button, Group, Text } from "@mantine/core";
import {
  IconBan,
  IconBulb,
  IconCheck,
  IconChevronDown,
  IconChevronRight,
  IconFile,
  IconHandStop,
  IconLoader2,
  IconTool,
  IconX,
} from "@tabler/icons-react";
import { type ReactNode, Suspense, lazy, memo, useState } from "react";

import type { Annotation, Part } from "../api/types";
import { complain } from "../components/ChatMenu";
import { seconds } from "../format";
import { strings } from "../i18n/strings";
import type { Run, Snapshot } from "../runs/run";

const loadMarkdown = async () => ({ default: (await import("./Markdown")).Markdown });
const Markdown = lazy(loadMarkdown);
// Fetched when the page has come to rest, so that the first answer finds it there.
if ("requestIdleCallback" in window) requestIdleCallback(() => void loadMarkdown());

export const Reasoning = memo(function Reasoning({ text, live, took }: { text: string; live: boolean; took: number | null }): ReactNode {
  const [open, setOpen] = useState(false);
  const summary = text.trim().split("\n").at(-1)?.replace(/[*#_`]/g, "").trim() ?? "";
  const head = live ? strings.chat.thinking : took === null ? strings.chat.thoughtPlain : strings.chat.thought(seconds(took));
  return (
    <div>
      <button type="button" className="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? <IconChevronDown size={14} aria-hidden /> : <IconChevronRight size={14} aria-hidden />}
        <IconBulb size={15} stroke={1.6} aria-hidden />
        <span>
          {head}
          {live && summary && !open ? `: ${summary.slice(-160)}` : ""}
        </span>
      </button>
      {open ? <div className="reason">{text || "…"}</div> : null}
    </div>
  );
});

function pretty(part: Part): string {
  try {
    return JSON.stringify(part.raw ? (JSON.parse(part.raw) as unknown) : (part.arguments ?? {}), null, 2);
  } catch {
    return part.raw ?? ""; // it is still coming, or is no JSON
  }
}

function plain(parts: Part[] | undefined): string {
  return (parts ?? []).map((part) => (part.type === "text" ? (part.text ?? "") : part.type === "blob" ? "" : `[${part.mime_type ?? part.type}]`)).join("\n").trim();
}

const marks = {
  waiting: IconHandStop,
  running: IconLoader2,
  done: IconCheck,
  failed: IconX,
  asked: IconTool,
  denied: IconBan,
};

export function ToolCard({
  call,
  answer,
  state,
  approve,
  each,
}: {
  call: Part;
  answer: Part | undefined;
  state: { state: "waiting" | "running" | "done" | "failed"; result?: string } | undefined;
  approve: ((decision: "allow" | "deny", always: boolean) => void) | null;
  /** whether it is asked for each time, so that "always" is nothing to offer */
  each: boolean;
}): ReactNode {
  const [open, setOpen] = useState(false);
  const now = approve ? "waiting" : answer ? (answer.is_error ? "failed" : "done") : (state?.state ?? "asked");
  const Icon = marks[now];
  const result = answer ? plain(answer.response) : (state?.result ?? "");
  const pictures = answer?.response?.filter((part) => part.type === "blob") ?? [];
  return (
    <div className="tool">
      <button type="button" className="tool-head" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? <IconChevronDown size={14} aria-hidden /> : <IconChevronRight size={14} aria-hidden />}
        <IconTool size={15} stroke={1.6} aria-hidden />
        <strong>{call.name}</strong>
        <span className="preview">{(call.raw ?? "").slice(0, 200)}</span>
        <span className="state">
          <Icon size={14} aria-hidden />
          {strings.chat.toolStates[now]}
        </span>
      </button>
      {approve ? (
        <Group gap="sm" px="md" pb="sm">
          <Button size="xs" onClick={() => approve("allow", false)}>
            {strings.chat.allow}
          </Button>
          {each ? null : (
            <Button size="xs" variant="default" onClick={() => approve("allow", true)}>
              {strings.chat.allowAlways}
            </Button>
          )}
          <Button size="xs" variant="default" color="red" onClick={() => approve("deny", false)}>
            {strings.chat.deny}
          </Button>
        </Group>
      ) : null}
      {open || approve ? (
        <div className="tool-body">
          <Text size="xs" c="dimmed">
            {strings.chat.arguments}
          </Text>
          <pre tabIndex={0}>{pretty(call)}</pre>
          {result ? (
            <>
              <Text size="xs" c="dimmed">
                {strings.chat.result}
              </Text>
              <pre tabIndex={0}>{result}</pre>
            </>
          ) : null}
          {pictures.map((part, index) => (
            <Media key={index} part={part} />
          ))}
        </div>
      ) : null}
    </div>
  );
}

export function Media({ part }: { part: Part }): ReactNode {
  const name = part.name ?? part.mime_type ?? part.modality ?? "";
  const address = part.type === "blob" ? `data:${part.mime_type};base64,${part.content}` : "";
  if (part.type === "blob" && part.modality === "image") {
    return <img src={address} alt={name} style={{ maxWidth: "min(100%, 420px)", maxHeight: 420, borderRadius: 8, display: "block" }} />;
  }
  if (part.type === "blob" && part.modality === "audio") return <audio controls src={address} aria-label={name} />;
  return (
    <span className="chip" style={{ maxWidth: "100%" }}>
      <IconFile size={14} aria-hidden />
      <span>{part.uri ?? name}</span>
    </span>
  );
}

function Sources({ annotations }: { annotations: Annotation[] }): ReactNode {
  const cited = [...new Map(annotations.filter((one) => one.url).map((one) => [one.url, one])).values()];
  if (cited.length === 0) return null;
  return (
    <ol style={{ fontSize: 13, color: "var(--quiet)", paddingLeft: 20, margin: "0 0 12px" }}>
      {cited.map((one) => (
        <li key={one.url}>
          <a href={one.url} target="_blank" rel="noopener noreferrer nofollow" style={{ color: "inherit" }}>
            {one.title ?? one.url}
          </a>
        </li>
      ))}
    </ol>
  );
}

export interface Live {
  run: Run;
  snapshot: Snapshot;
}

/** The parts of an answer, in order; `answers` are the tools' results by call id. */
export function AnswerParts({ parts, answers, live }: { parts: Part[]; answers: Map<string, Part>; live: Live | null }): ReactNode {
  return parts.map((part, at) => {
    const time = live?.snapshot.draft.times[at];
    const growing = live !== null && time !== undefined && time.ended === null;
    switch (part.type) {
      case "text":
        return (
          <div key={at}>
            <Suspense fallback={<div className="md plain">{part.text}</div>}>
              <Markdown text={part.text ?? ""} streaming={growing} />
            </Suspense>
            {part.annotations ? <Sources annotations={part.annotations} /> : null}
          </div>
        );
      case "reasoning":
        return part.text || growing ? (
          <Reasoning key={at} text={part.text ?? ""} live={growing} took={time?.ended ? (time.ended - time.began) / 1000 : null} />
        ) : null;
      case "refusal":
        return (
          <Text key={at} fs="italic">
            {part.text}
          </Text>
        );
      case "tool_call":
      case "server_tool_call": {
        const id = part.id ?? "";
        const waiting = live?.snapshot.approvals.find((one) => one.call === id);
        return (
          <ToolCard
            key={at}
            call={part}
            answer={answers.get(id)}
            state={live?.snapshot.tools[id]}
            approve={waiting && live ? (decision, always) => void live.run.decide(id, decision, always).catch(complain) : null}
            each={waiting?.each ?? false}
          />
        );
      }
      case "blob":
      case "uri":
      case "file":
        return <Media key={at} part={part} />;
      default:
        return null;
    }
  });
}
