// The conversation from its root to the active leaf. It stays at the bottom only while its reader is there.
import { ActionIcon, Button } from "@mantine/core";
import { IconArrowDown } from "@tabler/icons-react";
import { type ReactNode, memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";

import type { Message, Model, Part } from "../api/types";
import { strings } from "../i18n/strings";
import type { Run } from "../runs/run";
import { useOfRun, useSnapshot } from "../runs/runs";
import { AssistantTurn, UserTurn } from "./Turns";
import { changes } from "./models";
import { type Turn, joined, leafBelow } from "./tree";

export interface ThreadActs {
  onSibling: (leaf: string) => void;
  onSaveEdit: (message: Message, parts: Part[]) => void;
  onRegenerate: (message: Message) => void;
  onRegenerateWith: (message: Message) => void;
  onContinue: (message: Message) => void;
  onFork: (message: Message) => void;
  onDelete: (message: Message) => void;
  onDetails: (message: Message) => void;
  onRequest: (message: Message) => void;
}

/** So many pixels from the end are still at the end. */
const NEAR = 48;
const NOTHING_TOLD: string[] = [];

function Announcer({ run }: { run: Run | undefined }): ReactNode {
  const begun = useOfRun(run, (snapshot) => snapshot.first !== null) ?? false;
  const asks = useOfRun(run, (snapshot) => snapshot.approvals[0]?.name ?? null);
  const [told, setTold] = useState("");
  useEffect(() => {
    if (begun) setTold(strings.chat.answering);
  }, [begun]);
  useEffect(() => {
    if (asks) setTold(strings.chat.toolAsks(asks));
  }, [asks]);
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

/** The same functions for as long as the thread lives, so that turns that do not change are not drawn again. */
function useLasting(acts: ThreadActs): ThreadActs {
  const latest = useRef(acts);
  latest.current = acts;
  return useMemo<ThreadActs>(
    () => ({
      onSibling: (leaf) => latest.current.onSibling(leaf),
      onSaveEdit: (message, parts) => latest.current.onSaveEdit(message, parts),
      onRegenerate: (message) => latest.current.onRegenerate(message),
      onRegenerateWith: (message) => latest.current.onRegenerateWith(message),
      onContinue: (message) => latest.current.onContinue(message),
      onFork: (message) => latest.current.onFork(message),
      onDelete: (message) => latest.current.onDelete(message),
      onDetails: (message) => latest.current.onDetails(message),
      onRequest: (message) => latest.current.onRequest(message),
    }),
    [],
  );
}

/** Whether the view is at its end, and how to get there. Only a reader who scrolls up leaves it. */
function useEnd(): { view: (box: HTMLDivElement | null) => void; content: (box: HTMLDivElement | null) => void; onScroll: () => void; away: boolean; toEnd: () => void } {
  const box = useRef<HTMLDivElement | null>(null);
  const stuck = useRef(true);
  const top = useRef(0);
  const [away, setAway] = useState(false);
  const observer = useMemo(
    () =>
      new ResizeObserver(() => {
        const here = box.current;
        if (!here) return;
        if (stuck.current) here.scrollTop = here.scrollHeight;
        // What grows and shrinks by itself, as a drawing in its source's place, moves the view: that was not its reader.
        top.current = here.scrollTop;
      }),
    [],
  );
  useEffect(() => () => observer.disconnect(), [observer]);
  const observe = useCallback((found: HTMLDivElement | null) => (found ? observer.observe(found) : undefined), [observer]);
  return {
    view: useCallback(
      (found) => {
        box.current = found;
        observe(found);
      },
      [observe],
    ),
    content: observe,
    onScroll: () => {
      const here = box.current;
      if (!here) return;
      const near = here.scrollHeight - here.scrollTop - here.clientHeight < NEAR;
      // Text that grows below moves nobody; a position that shrinks was made so by its reader.
      if (near) stuck.current = true;
      else if (here.scrollTop < top.current) stuck.current = false;
      top.current = here.scrollTop;
      setAway(!stuck.current);
    },
    away,
    toEnd: useCallback(() => {
      stuck.current = true;
      setAway(false);
      if (box.current) box.current.scrollTop = box.current.scrollHeight;
    }, []),
  };
}

interface ItemGiven {
  turn: Turn | null;
  run: Run | undefined;
  last: boolean;
  told: string[] | null;
  model: string;
  answers: Map<string, Part>;
  acts: ThreadActs;
  all: Message[];
  editing?: boolean;
  setEditing?: (id: string | null) => void;
}

const NO_SIBLINGS: string[] = [];

/** An answer as it comes, and as it stays: one item, which outlives its run. */
const AnswerItem = memo(function AnswerItem({ turn, run, last, told, model, answers, acts, all, editing = false, setEditing }: ItemGiven): ReactNode {
  const snapshot = useSnapshot(run);
  const message = snapshot?.final ?? turn?.message ?? null;
  const live = run && snapshot && !snapshot.final ? { run, snapshot } : null;
  const on = <T extends (message: Message) => void>(act: T) => () => {
    if (message) act(message);
  };
  return (
    <>
      {told ? (
        <div className="rule">
          <span>
            {strings.chat.switched(model)}
            {told.length > 0 ? `: ${told.join(" · ")}` : ""}
          </span>
        </div>
      ) : null}
      <AssistantTurn
        message={live ? null : message}
        live={live}
        at={turn?.at ?? 0}
        siblings={turn?.siblings ?? NO_SIBLINGS}
        last={last}
        onSibling={(id) => acts.onSibling(leafBelow(all, id))}
        answers={answers}
        onRetry={on(acts.onRegenerate)}
        onContinue={on(acts.onContinue)}
        onSave={editing && message ? (parts) => acts.onSaveEdit(message, parts) : null}
        onCancel={() => setEditing?.(null)}
        acts={{
          ...(setEditing && message?.parts.some((part) => part.type === "text") && !message.parts.some((part) => part.type.includes("tool")) ? { onEdit: () => setEditing(message.id) } : {}),
          onRegenerate: on(acts.onRegenerate),
          onRegenerateWith: on(acts.onRegenerateWith),
          onFork: on(acts.onFork),
          onDelete: on((one) => acts.onDelete({ ...one, id: turn?.first ?? one.id })),
          onDetails: on(acts.onDetails),
          onRequest: on(acts.onRequest),
        }}
      />
    </>
  );
});

const UserItem = memo(function UserItem({ turn, editing, setEditing, acts, all }: { turn: Turn; editing: boolean; setEditing: (id: string | null) => void; acts: ThreadActs; all: Message[] }): ReactNode {
  const { message } = turn;
  return (
    <UserTurn
      message={message}
      at={turn.at}
      siblings={turn.siblings}
      onSibling={(id) => acts.onSibling(leafBelow(all, id))}
      editing={editing}
      onSave={(parts) => acts.onSaveEdit(message, parts)}
      onCancel={() => setEditing(null)}
      acts={{ onEdit: () => setEditing(message.id), onFork: () => acts.onFork(message), onDelete: () => acts.onDelete(message) }}
    />
  );
});

/** What a reader is told where the model changes; null where it stays. */
function toldAt(before: Message | undefined, now: string | undefined, models: Map<string, Model>): string[] | null {
  const then = before?.answer?.model;
  if (!now || !then || now === then) return null;
  const reasoned = before?.parts.some((part) => part.type === "reasoning") ?? false;
  const told = changes(models.get(then), models.get(now), reasoned);
  return told.length > 0 ? told : NOTHING_TOLD;
}

export function Thread({
  turns,
  all,
  run,
  models,
  pending,
  editing,
  setEditing,
  acts: given,
}: {
  turns: Turn[];
  all: Message[];
  run: Run | undefined;
  models: Map<string, Model>;
  pending: Part[] | null;
  editing: string | null;
  setEditing: (id: string | null) => void;
  acts: ThreadActs;
}): ReactNode {
  const acts = useLasting(given);
  const end = useEnd();
  const { toEnd } = end;
  // An answer that has ended keeps the place that its run had, until the page is left.
  const places = useRef(new Map<string, string>());
  const hidden = useOfRun(run, (snapshot) => snapshot.final?.id ?? snapshot.message);
  const runModel = useOfRun(run, (snapshot) => snapshot.model);
  if (run && hidden) places.current.set(hidden, `run:${run.get().id}`);
  // What a run has kept already comes with the run itself.
  const asked = useOfRun(run, (snapshot) => snapshot.parent);
  const before = useMemo(() => {
    const at = asked ? turns.findIndex((turn) => turn.message.id === asked) : -1;
    return at < 0 ? turns : turns.slice(0, at + 1);
  }, [turns, asked]);
  const shown = useMemo(() => joined(before), [before]);
  const answers = useMemo(() => {
    const found = new Map<string, Part>();
    for (const { message } of turns) {
      for (const part of message.parts) if (part.type === "tool_call_response" && part.id) found.set(part.id, part);
    }
    return found;
  }, [turns]);
  const told = useMemo(
    () =>
      shown.map((turn, at) => toldAt(shown.slice(0, at).findLast((one) => one.message.answer)?.message, turn.message.answer?.model, models)),
    [shown, models],
  );
  const newest = shown.findLast((turn) => turn.message.answer)?.message;
  const toldLive = useMemo(() => toldAt(newest, runModel ?? undefined, models), [newest, runModel, models]);

  // What one has just written is always shown.
  useLayoutEffect(() => {
    if (pending) toEnd();
  }, [pending, toEnd]);

  const lastAnswer: string | null | undefined = run ? null : shown.findLast((turn) => turn.message.role === "assistant")?.message.id;
  // One list, so that an answer that ends is the element that it was while it came.
  const items: ReactNode[] = shown.map((turn, at) => {
    const { message } = turn;
    if (message.role !== "assistant") {
      return <UserItem key={message.id} turn={turn} editing={editing === message.id} setEditing={setEditing} acts={acts} all={all} />;
    }
    if (run && message.id === hidden) return null;
    return (
      <AnswerItem
        key={places.current.get(message.id) ?? message.id}
        turn={turn}
        run={undefined}
        last={message.id === lastAnswer}
        told={told[at] ?? null}
        model={message.answer?.model ?? ""}
        answers={answers}
        acts={acts}
        all={all}
        editing={editing === message.id}
        setEditing={setEditing}
      />
    );
  });
  if (pending) {
    items.push(
      <article key="pending" className="turn turn-user" style={{ opacity: 0.6 }} aria-busy>
        <div className="plate">{pending.map((part) => (part.type === "text" ? part.text : part.name)).join("\n")}</div>
      </article>,
    );
  }
  if (run) {
    items.push(<AnswerItem key={`run:${run.get().id}`} turn={null} run={run} last told={toldLive} model={runModel ?? ""} answers={answers} acts={acts} all={all} />);
  }
  return (
    <div className="talk">
      <div className="thread" ref={end.view} onScroll={end.onScroll} tabIndex={0} role="log" aria-live="off" aria-label={strings.nav.chat} {...(end.away ? { "data-away": true } : {})}>
        <div className="measure" ref={end.content} style={{ paddingBlock: 16 }}>
          {items}
        </div>
      </div>
      {end.away && run ? (
        <Button className="newtext" size="xs" variant="default" radius="xl" leftSection={<IconArrowDown size={14} />} onClick={toEnd}>
          {strings.chat.newText}
        </Button>
      ) : end.away ? (
        <ActionIcon className="newtext" size="lg" variant="default" radius="xl" aria-label={strings.chat.toEnd} onClick={toEnd}>
          <IconArrowDown size={16} />
        </ActionIcon>
      ) : null}
      <Announcer run={run} />
    </div>
  );
}
