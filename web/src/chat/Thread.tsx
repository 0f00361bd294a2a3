// The conversation from its root to the active leaf. It stays at the bottom only while its reader is there.
import { Button } from "@mantine/core";
import { IconArrowDown } from "@tabler/icons-react";
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

import type { Message, Model, Part } from "../api/types";
import { strings } from "../i18n/strings";
import type { Run } from "../runs/run";
import { useSnapshot } from "../runs/runs";
import { AssistantTurn, LiveTurn, UserTurn } from "./Turns";
import { changes } from "./models";
import { type Turn, leafBelow } from "./tree";

export interface ThreadActs {
  onSibling: (leaf: string) => void;
  onSaveEdit: (message: Message, parts: Part[]) => void;
  onRegenerate: (message: Message) => void;
  onRegenerateWith: (message: Message) => void;
  onFork: (message: Message) => void;
  onDelete: (message: Message) => void;
  onDetails: (message: Message) => void;
}

const NEAR = 48;

function Announcer({ run }: { run: Run | undefined }): ReactNode {
  const snapshot = useSnapshot(run);
  const begun = snapshot !== null && snapshot.first !== null;
  const [told, setTold] = useState("");
  useEffect(() => {
    if (begun) setTold(strings.chat.answering);
  }, [begun]);
  const before = useRef(run);
  useEffect(() => {
    if (before.current && !run) setTold(strings.chat.answered);
    before.current = run;
  }, [run]);
  return (
    <div aria-live="polite" className="visually-hidden">
      {told}
    </div>
  );
}

function ModelRule({ before, turn, models }: { before: Turn[]; turn: Turn; models: Map<string, Model> }): ReactNode {
  const now = turn.message.answer?.model;
  const earlier = before.findLast((one) => one.message.answer)?.message;
  const then = earlier?.answer?.model;
  if (!now || !then || now === then) return null;
  const reasoned = earlier?.parts.some((part) => part.type === "reasoning") ?? false;
  const told = changes(models.get(then), models.get(now), reasoned);
  return (
    <div className="rule">
      <span>
        {strings.chat.switched(now)}
        {told.length > 0 ? `: ${told.join(" · ")}` : ""}
      </span>
    </div>
  );
}

export function Thread({
  turns,
  all,
  run,
  models,
  pending,
  editing,
  setEditing,
  acts,
  children,
}: {
  turns: Turn[];
  all: Message[];
  run: Run | undefined;
  models: Map<string, Model>;
  pending: Part[] | null;
  editing: string | null;
  setEditing: (id: string | null) => void;
  acts: ThreadActs;
  children?: ReactNode;
}): ReactNode {
  const view = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const [away, setAway] = useState(false);
  const snapshot = useSnapshot(run);
  const answers = useMemo(() => {
    const found = new Map<string, Part>();
    for (const { message } of turns) {
      for (const part of message.parts) if (part.type === "tool_call_response" && part.id) found.set(part.id, part);
    }
    return found;
  }, [turns]);

  const toBottom = useCallback(() => {
    const box = view.current;
    if (box) box.scrollTop = box.scrollHeight;
  }, []);

  const onScroll = (): void => {
    const box = view.current;
    if (!box) return;
    stuck.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    setAway(!stuck.current);
  };

  useEffect(() => {
    const box = content.current;
    if (!box) return;
    const observer = new ResizeObserver(() => {
      if (stuck.current) toBottom();
    });
    observer.observe(box);
    return () => observer.disconnect();
  }, [toBottom]);

  // What one has just written is always shown.
  useLayoutEffect(() => {
    if (pending) {
      stuck.current = true;
      toBottom();
    }
  }, [pending, toBottom]);

  const shown = turns.filter((turn) => turn.message.role !== "tool" && !(run && turn.message.id === snapshot?.message));
  const lastAnswer = shown.findLast((turn) => turn.message.role === "assistant")?.message.id;
  return (
    <div className="talk">
      <div className="thread" ref={view} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label={strings.nav.chat}>
        <div className="measure" ref={content} style={{ paddingBlock: 16 }}>
          {children}
          {shown.map((turn, at) => {
            const { message } = turn;
            const given = {
              message,
              at: turn.at,
              siblings: turn.siblings,
              last: message.id === lastAnswer && !run,
              onSibling: (id: string) => acts.onSibling(leafBelow(all, id)),
            };
            if (message.role === "assistant") {
              return (
                <div key={message.id}>
                  <ModelRule before={shown.slice(0, at)} turn={turn} models={models} />
                  <AssistantTurn
                    {...given}
                    answers={answers}
                    onRetry={() => acts.onRegenerate(message)}
                    acts={{
                      onRegenerate: () => acts.onRegenerate(message),
                      onRegenerateWith: () => acts.onRegenerateWith(message),
                      onFork: () => acts.onFork(message),
                      onDelete: () => acts.onDelete(message),
                      onDetails: () => acts.onDetails(message),
                    }}
                  />
                </div>
              );
            }
            return (
              <UserTurn
                key={message.id}
                {...given}
                editing={editing === message.id}
                onSave={(parts) => acts.onSaveEdit(message, parts)}
                onCancel={() => setEditing(null)}
                acts={{
                  onEdit: () => setEditing(message.id),
                  onFork: () => acts.onFork(message),
                  onDelete: () => acts.onDelete(message),
                }}
              />
            );
          })}
          {pending ? (
            <article className="turn turn-user" style={{ opacity: 0.6 }} aria-busy>
              <div className="plate">{pending.map((part) => (part.type === "text" ? part.text : part.name)).join("\n")}</div>
            </article>
          ) : null}
          {run && snapshot ? <LiveTurn live={{ run, snapshot }} answers={answers} /> : null}
        </div>
      </div>
      {away ? (
        <Button className="newtext" size="xs" variant="default" radius="xl" leftSection={<IconArrowDown size={14} />} onClick={toBottom}>
          {strings.chat.newText}
        </Button>
      ) : null}
      <Announcer run={run} />
    </div>
  );
}
