// What can be done with one chat: rename, pin, move, export, archive, delete.
import { ActionIcon, Button, Group, Menu, Stack, Text, TextInput } from "@mantine/core";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { IconArchive, IconDots, IconDownload, IconFolder, IconPencil, IconPin, IconPinnedOff, IconTrash } from "@tabler/icons-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { useNavigate, useParams } from "react-router";

import { api } from "../api/client";
import { conversationPath, useChangeConversation, useDeleteConversation } from "../api/queries";
import type { Conversation } from "../api/types";
import { strings } from "../i18n/strings";
import { asInfo } from "./Failure";

export function complain(error: unknown): void {
  const info = asInfo(error);
  notifications.show({ color: "red", title: info.message.charAt(0).toUpperCase() + info.message.slice(1), message: info.remedy ?? strings.fault[info.fault], autoClose: 8000 });
}

/** Hands a text or blob to the browser as a file. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const formats = [
  { format: "markdown", label: "Markdown", ending: "md" },
  { format: "json", label: "JSON", ending: "json" },
  { format: "openai_chat", label: "OpenAI messages", ending: "openai.json" },
];

export async function exportChat(chat: Conversation, format: string, ending: string): Promise<void> {
  try {
    const blob = await api.blob(`${conversationPath(chat.id)}/export?format=${format}`);
    download(blob, `${(chat.title || strings.chats.untitled).replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60)}.${ending}`);
  } catch (error) {
    complain(error);
  }
}

function TextForm({ label, value, onDone }: { label: string; value: string; onDone: (text: string) => void }): ReactNode {
  const [text, setText] = useState(value);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    modals.closeAll();
    onDone(text.trim());
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput label={label} value={text} onChange={(event) => setText(event.currentTarget.value)} data-autofocus maxLength={200} />
        <Group justify="flex-end">
          <Button variant="default" onClick={() => modals.closeAll()}>
            {strings.cancel}
          </Button>
          <Button type="submit">{strings.save}</Button>
        </Group>
      </Stack>
    </form>
  );
}

export function ChatMenu({ chat, always = false }: { chat: Conversation; always?: boolean }): ReactNode {
  const go = useNavigate();
  const { id } = useParams();
  const change = useChangeConversation(chat.id);
  const remove = useDeleteConversation();
  const title = chat.title || strings.chats.untitled;
  const apply = (what: Parameters<typeof change.mutate>[0]): void => change.mutate(what, { onError: complain });

  const rename = (): void => {
    modals.open({
      title: strings.chats.rename,
      children: <TextForm label={strings.chat.title} value={chat.title} onDone={(text) => apply({ title: text })} />,
    });
  };
  const move = (): void => {
    modals.open({
      title: strings.chats.move,
      children: <TextForm label={strings.chats.newFolder} value={chat.folder ?? ""} onDone={(text) => apply({ folder: text || null })} />,
    });
  };
  const archive = (): void =>
    change.mutate(
      { archived: !chat.archived },
      { onError: complain, onSuccess: () => (chat.archived ? undefined : void notifications.show({ message: strings.chats.archivedNow })) },
    );
  const ask = (): void => {
    modals.openConfirmModal({
      title: strings.chats.delete,
      children: <Text size="sm">{strings.chats.deleteSure(title)}</Text>,
      labels: { confirm: strings.delete, cancel: strings.cancel },
      confirmProps: { color: "red" },
      onConfirm: () =>
        remove.mutate(chat.id, {
          onError: complain,
          onSuccess: () => {
            if (id === chat.id) void go("/");
          },
        }),
    });
  };

  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon className={always ? "" : "chatrow-more"} variant="subtle" color="gray" size="md" aria-label={strings.chats.actions(title)}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPencil size={15} />} onClick={rename}>
          {strings.chats.rename}
        </Menu.Item>
        <Menu.Item leftSection={chat.pinned ? <IconPinnedOff size={15} /> : <IconPin size={15} />} onClick={() => apply({ pinned: !chat.pinned })}>
          {chat.pinned ? strings.chats.unpin : strings.chats.pin}
        </Menu.Item>
        <Menu.Item leftSection={<IconFolder size={15} />} onClick={move}>
          {strings.chats.move}
        </Menu.Item>
        <Menu.Item leftSection={<IconArchive size={15} />} onClick={archive}>
          {chat.archived ? strings.chats.unarchive : strings.chats.archive}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>{strings.chats.export}</Menu.Label>
        {formats.map(({ format, label, ending }) => (
          <Menu.Item key={format} leftSection={<IconDownload size={15} />} onClick={() => void exportChat(chat, format, ending)}>
            {label}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={ask}>
          {strings.chats.delete}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
