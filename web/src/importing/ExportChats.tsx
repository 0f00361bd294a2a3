// All chats as one file, archived ones and all branches too, in the form in which they are taken in again.
import { Button, Group, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";

import { api, at } from "../api/client";
import { conversationPath } from "../api/queries";
import type { Conversation, Page } from "../api/types";
import { complain, download } from "../components/ChatMenu";
import { count } from "../format";
import { strings } from "../i18n/strings";

const AT_ONCE = 6;

async function allIds(): Promise<string[]> {
  const found: string[] = [];
  for (const archived of ["false", "true"]) {
    let after: string | null = "";
    while (after !== null) {
      const page: Page<Conversation> = await api.get<Page<Conversation>>(at("/api/conversations", { archived, after, limit: 200 }));
      found.push(...page.items.map((one) => one.id));
      after = page.next;
    }
  }
  return found;
}

async function gathered(tell: (done: number, all: number) => void): Promise<Blob> {
  const ids = await allIds();
  const pieces: BlobPart[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    tell(from, ids.length);
    const some = await Promise.all(ids.slice(from, from + AT_ONCE).map((id) => api.blob(`${conversationPath(id)}/export?format=json&whole=true`)));
    for (const one of some) pieces.push(pieces.length === 0 ? "[\n" : ",\n", one);
  }
  return new Blob([...(pieces.length === 0 ? ["["] : pieces), "]\n"], { type: "application/json" });
}

export function ExportChats(): ReactNode {
  const [done, setDone] = useState<string | null>(null);
  const start = (): void => {
    setDone("");
    gathered((some, all) => setDone(strings.importing.gathering(count(some), count(all))))
      .then((blob) => download(blob, "interlingua-chats.json"), complain)
      .finally(() => setDone(null));
  };
  return (
    <Group gap="md">
      <Button variant="default" leftSection={<IconDownload size={15} />} loading={done !== null} onClick={start}>
        {strings.chats.exportAll}
      </Button>
      <Text size="sm" c="dimmed" role="status" className="figure">
        {done ?? ""}
      </Text>
    </Group>
  );
}
