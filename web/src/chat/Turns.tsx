// One turn: the user's on a faint plate to the right, the model's flat.
import { Button, Group, Text, Textarea } from "@mantine/core";
import { IconKey, IconPlayerPause, IconPlayerPlay, IconRefresh, IconSwitchHorizontal } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";

import type { Message, Part } from "../api/types";
import { FailureInfo } from "../components/Failure";
import { strings } from "../i18n/strings";
import { ActionBar, type Acts, AnswerFigures, Siblings } from "./AnswerLine";
import { useSession } from "../state/session";
import { AnswerParts, type Live, Media } from "./Parts";
import { textOf } from "./tree";

const KEYLESS = new Set(["credential_missing", "authentication_failed"]);

export interface TurnGiven {
  message: Message;
  at: number;
  siblings: string[];
  onSibling: (id: string) => void;
  acts: Acts;
}

export function UserTurn({
  message,
  at,
  siblings,
  onSibling,
  acts,
  editing,
  onSave,
  onCancel,
}: TurnGiven & { editing: boolean; onSave: (parts: Part[]) => void; onCancel: () => void }): ReactNode {
  const text = textOf(message);
  const media = message.parts.filter((part) => part.type !== "text");
  if (editing) return <Editing text={text} media={media} onSave={onSave} onCancel={onCancel} />;
  return (
    <article className="turn turn-user" aria-label={strings.chat.you}>
      {media.length > 0 ? (
        <Group justify="flex-end" gap="sm" mb="sm">
          {media.map((part, index) => (
            <Media key={index} part={part} />
          ))}
        </Group>
      ) : null}
      {text ? <div className="plate">{text}</div> : null}
      <div className="answerline">
        <Siblings at={at} of={siblings.length} onGo={(to) => onSibling(siblings[to] ?? message.id)} />
        <ActionBar text={text} acts={acts} speakable={false} />
      </div>
    </article>
  );
}

const NO_MEDIA: Part[] = [];

function Editing({ text, media, label = strings.chat.sendEdit, onSave, onCancel }: { text: string; media: Part[]; label?: string; onSave: (parts: Part[]) => void; onCancel: () => void }): ReactNode {
  const [now, setNow] = useState(text);
  return (
    <form
      className="turn"
      onSubmit={(event) => {
        event.preventDefault();
        onSave([...media, { type: "text", text: now.trim() }]);
      }}
    >
      <Textarea
        autosize
        maxRows={16}
        value={now}
        onChange={(event) => setNow(event.currentTarget.value)}
        aria-label={strings.chat.editMessage}
        autoFocus
        size="md"
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.preventDefault();
            onCancel();
          } else if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit();
        }}
      />
      <Group justify="flex-end" mt="sm" gap="sm">
        <Button variant="default" size="xs" onClick={onCancel}>
          {strings.cancel}
        </Button>
        <Button type="submit" size="xs" disabled={!now.trim() && media.length === 0}>
          {label}
        </Button>
      </Group>
    </form>
  );
}

export interface AssistantGiven {
  message: Message | null;
  live: Live | null;
  at: number;
  siblings: string[];
  last: boolean;
  onSibling: (id: string) => void;
  acts: Acts;
  answers: Map<string, Part>;
  onRetry: () => void;
  onContinue: () => void;
  /** saves what an answer was changed to; null while it is not being changed */
  onSave?: ((parts: Part[]) => void) | null;
  onCancel?: () => void;
}

function Halted({ status, last, onRetry, onContinue }: { status: "interrupted" | "stopped"; last: boolean; onRetry: () => void; onContinue: () => void }): ReactNode {
  return (
    <Group gap="sm" mb={4}>
      <Text size="sm" c="dimmed" style={{ display: "inline-flex", gap: 6, alignItems: "center" }}>
        <IconPlayerPause size={15} aria-hidden />
        {strings.chat[status]}
      </Text>
      {last ? (
        <>
          <Button size="compact-xs" variant="default" leftSection={<IconPlayerPlay size={13} />} onClick={onContinue}>
            {strings.chat.continue}
          </Button>
          <Button size="compact-xs" variant="default" leftSection={<IconRefresh size={13} />} onClick={onRetry}>
            {strings.chat.retry}
          </Button>
        </>
      ) : null}
    </Group>
  );
}

/** What helps where trying again does not: a key for this provider, or another model. */
function Elsewhere({ code, provider, onOther }: { code: string; provider: string | undefined; onOther: (() => void) | undefined }): ReactNode {
  const { session } = useSession();
  return (
    <>
      {provider && session?.admin && KEYLESS.has(code) ? (
        <Button size="compact-xs" variant="default" leftSection={<IconKey size={14} />} component={Link} to={`/settings?provider=${encodeURIComponent(provider)}`}>
          {strings.providers.addKey}
        </Button>
      ) : null}
      {onOther ? (
        <Button size="compact-xs" variant="default" leftSection={<IconSwitchHorizontal size={14} />} onClick={onOther}>
          {strings.chat.otherModel}
        </Button>
      ) : null}
    </>
  );
}

/** An answer, while it comes and after: the same elements, so that nothing is drawn anew when it ends. */
export function AssistantTurn({ message, live, at, siblings, last, onSibling, acts, answers, onRetry, onContinue, onSave, onCancel }: AssistantGiven): ReactNode {
  const snapshot = live?.snapshot;
  const parts = snapshot?.draft.parts ?? message?.parts ?? [];
  const answer = message?.answer ?? null;
  const status = answer?.status ?? "done";
  const moved = snapshot?.failovers.at(-1);
  const problem = snapshot?.error ?? answer?.error ?? null;
  if (message && onSave) return <Editing text={textOf(message)} media={NO_MEDIA} label={strings.chat.saveEdit} onSave={onSave} onCancel={() => onCancel?.()} />;
  return (
    <article className="turn" aria-label={strings.chat.assistant} aria-busy={live !== null} {...(last ? { "data-last": true } : {})}>
      {moved ? (
        <div className="rule" role="status">
          {strings.chat.moved}: {moved.to}
        </div>
      ) : null}
      <div className="answer">
        <AnswerParts parts={parts} answers={answers} live={live} />
        {live && parts.length === 0 && !problem ? (
          <span className="waiting" role="img" aria-label={strings.chat.waiting}>
            <i />
            <i />
            <i />
          </span>
        ) : null}
      </div>
      {status === "interrupted" || status === "stopped" ? <Halted status={status} last={last} onRetry={onRetry} onContinue={onContinue} /> : null}
      {problem ? <FailureInfo info={problem} {...(live ? {} : { retry: onRetry, more: <Elsewhere code={problem.code} provider={answer?.provider} onOther={acts.onRegenerateWith} /> })} /> : null}
      <div className="answerline">
        {message && answer ? <AnswerFigures answer={answer} onClick={() => acts.onDetails?.()} /> : null}
        {message ? <Siblings at={at} of={siblings.length} onGo={(to) => onSibling(siblings[to] ?? message.id)} /> : null}
        {message ? <ActionBar text={textOf(message)} acts={acts} speakable /> : null}
      </div>
    </article>
  );
}
