// Under every answer, one quiet line: who answered, how fast, how much, for how much; and what can be done with it.
import { ActionIcon, CopyButton, Menu, Tooltip } from "@mantine/core";
import {
  IconBraces,
  IconCheck,
  IconChevronLeft,
  IconChevronRight,
  IconCopy,
  IconDots,
  IconGitFork,
  IconInfoCircle,
  IconPencil,
  IconRefresh,
  IconTrash,
  IconVolume,
  IconVolumeOff,
} from "@tabler/icons-react";
import type { ReactNode } from "react";

import type { Answer } from "../api/types";
import { Monogram } from "../components/Monogram";
import { count, money, seconds } from "../format";
import { strings } from "../i18n/strings";
import { canSpeak, useSpeaking } from "./speech";

export interface Acts {
  onEdit?: () => void;
  onRegenerate?: () => void;
  onRegenerateWith?: () => void;
  onFork?: () => void;
  onDelete?: () => void;
  onDetails?: () => void;
  onRequest?: () => void;
}

export function AnswerFigures({ answer, onClick }: { answer: Answer; onClick: () => void }): ReactNode {
  const figures = [answer.model_name || answer.model];
  if (answer.first_seconds !== null) figures.push(strings.chat.firstToken(seconds(answer.first_seconds)));
  if (answer.tokens_per_second !== null) figures.push(strings.chat.speed(count(Math.round(answer.tokens_per_second))));
  if (answer.usage?.output_tokens !== null && answer.usage !== null) figures.push(strings.chat.tokens(count(answer.usage.output_tokens)));
  figures.push(answer.cost === null ? strings.chat.costUnknown : money(answer.cost));
  if (answer.attempts.length > 1) figures.push(strings.chat.attempts(answer.attempts.length));
  return (
    <button type="button" className="plain figure" onClick={onClick} >
      <span className="visually-hidden">{strings.chat.details}: </span>
      <Monogram name={answer.provider} size={18} />
      {figures.map((figure, at) => (
        <span key={at} className="dots">
          {figure}
        </span>
      ))}
    </button>
  );
}

export function Siblings({ at, of, onGo }: { at: number; of: number; onGo: (to: number) => void }): ReactNode {
  if (of < 2) return null;
  return (
    <span style={{ display: "inline-flex", alignItems: "center" }} role="group" aria-label={strings.chat.sibling(at + 1, of)}>
      <ActionIcon variant="subtle" color="gray" size="sm" disabled={at === 0} aria-label={strings.chat.earlier} onClick={() => onGo(at - 1)}>
        <IconChevronLeft size={14} />
      </ActionIcon>
      <span className="figure" aria-hidden>
        {at + 1} / {of}
      </span>
      <ActionIcon variant="subtle" color="gray" size="sm" disabled={at === of - 1} aria-label={strings.chat.later} onClick={() => onGo(at + 1)}>
        <IconChevronRight size={14} />
      </ActionIcon>
    </span>
  );
}

export function ActionBar({ text, acts, speakable }: { text: string; acts: Acts; speakable: boolean }): ReactNode {
  const { speaking, toggle } = useSpeaking();
  const button = (label: string, icon: ReactNode, onClick: () => void): ReactNode => (
    <Tooltip label={label} key={label}>
      <ActionIcon variant="subtle" color="gray" size="md" aria-label={label} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
  return (
    <span className="acts">
      <CopyButton value={text}>
        {({ copied, copy }) => button(copied ? strings.copied : strings.copy, copied ? <IconCheck size={15} /> : <IconCopy size={15} />, copy)}
      </CopyButton>
      {acts.onEdit ? button(strings.chat.editMessage, <IconPencil size={15} />, acts.onEdit) : null}
      {acts.onRegenerate ? button(strings.chat.regenerate, <IconRefresh size={15} />, acts.onRegenerate) : null}
      <Menu position="bottom-start" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="md" aria-label={strings.more}>
            <IconDots size={15} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {acts.onRegenerateWith ? (
            <Menu.Item leftSection={<IconRefresh size={15} />} onClick={acts.onRegenerateWith}>
              {strings.chat.regenerateWith}
            </Menu.Item>
          ) : null}
          {acts.onFork ? (
            <Menu.Item leftSection={<IconGitFork size={15} />} onClick={acts.onFork}>
              {strings.chat.fork}
            </Menu.Item>
          ) : null}
          {speakable && canSpeak ? (
            <Menu.Item leftSection={speaking ? <IconVolumeOff size={15} /> : <IconVolume size={15} />} onClick={() => toggle(text)}>
              {speaking ? strings.chat.silence : strings.chat.speak}
            </Menu.Item>
          ) : null}
          {acts.onDetails ? (
            <Menu.Item leftSection={<IconInfoCircle size={15} />} onClick={acts.onDetails}>
              {strings.chat.raw}
            </Menu.Item>
          ) : null}
          {acts.onRequest ? (
            <Menu.Item leftSection={<IconBraces size={15} />} onClick={acts.onRequest}>
              {strings.raw.show}
            </Menu.Item>
          ) : null}
          {acts.onDelete ? (
            <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={acts.onDelete}>
              {strings.chat.deleteMessage}
            </Menu.Item>
          ) : null}
        </Menu.Dropdown>
      </Menu>
    </span>
  );
}
