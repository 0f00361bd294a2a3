// Chats, newest first, grouped by day and folder, as many as there are: only what is seen is drawn.
import { ActionIcon, Button, CloseButton, Group, ScrollArea, Select, Text, TextInput, Tooltip, useMantineColorScheme } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import {
  IconArrowsSplit2,
  IconBox,
  IconChartBar,
  IconCommand,
  IconMoon,
  IconPin,
  IconPlus,
  IconRoute,
  IconSearch,
  IconSettings,
  IconSun,
} from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { Link, NavLink, useParams } from "react-router";

import { useConversations, useFolders } from "../api/queries";
import type { Conversation } from "../api/types";
import { strings } from "../i18n/strings";
import { Hint } from "../shortcuts/Keys";
import { useSession } from "../state/session";
import { ChatMenu } from "./ChatMenu";
import { Failure } from "./Failure";
import { useFrame } from "./Shell";

type Row = { label: string } | { chat: Conversation };

const DAY = 86_400_000;

function group(chat: Conversation, now: number): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const time = Date.parse(chat.updated);
  if (chat.pinned) return strings.chats.pinned;
  if (time >= midnight) return strings.chats.today;
  if (time >= midnight - DAY) return strings.chats.yesterday;
  if (time >= midnight - 6 * DAY) return strings.chats.week;
  return strings.chats.earlier;
}

function rowsOf(chats: Conversation[], searching: boolean): Row[] {
  if (searching) return chats.map((chat) => ({ chat }));
  const now = Date.now();
  const sorted = [...chats.filter((chat) => chat.pinned), ...chats.filter((chat) => !chat.pinned)];
  const rows: Row[] = [];
  let last = "";
  for (const chat of sorted) {
    const label = group(chat, now);
    if (label !== last) rows.push({ label });
    last = label;
    rows.push({ chat });
  }
  return rows;
}

/** The value of the choice of what was archived; no folder can be called that. */
const ARCHIVED = "\u0000archived";

function Chats({ q, folder }: { q: string; folder: string | null }): ReactNode {
  const { id } = useParams();
  const view = useRef<HTMLDivElement>(null);
  const list = useConversations({ ...(q ? { q } : {}), ...(folder === ARCHIVED ? { archived: true } : folder ? { folder } : {}) });
  const chats = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const rows = useMemo(() => rowsOf(chats, q !== ""), [chats, q]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => view.current,
    estimateSize: (at) => ("label" in (rows[at] ?? { label: "" }) ? 32 : 36),
    getItemKey: (at) => {
      const row = rows[at];
      return row && "chat" in row ? row.chat.id : `label:${row && "label" in row ? row.label : at}`;
    },
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;

  useEffect(() => {
    if (last >= rows.length - 15 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [last, rows.length, hasNextPage, isFetchingNextPage, fetchNextPage]);

  if (list.error) return <Failure error={list.error} retry={() => void list.refetch()} />;
  if (list.data && rows.length === 0) {
    return (
      <Text size="sm" c="dimmed" px="md" py="sm">
        {q ? strings.chats.nothingFound : folder === ARCHIVED ? strings.chats.emptyArchive : strings.chats.empty}
      </Text>
    );
  }
  return (
    <ScrollArea viewportRef={view} style={{ flex: 1, minHeight: 0 }} type="hover" scrollbarSize={8} viewportProps={{ tabIndex: -1 }}>
      <div role="list" aria-label={strings.nav.chat} style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          const place = { position: "absolute", insetInline: 8, height: item.size, transform: `translateY(${item.start}px)` } as const;
          if ("label" in row) {
            return (
              <div key={item.key} className="sidelabel" role="presentation" style={{ ...place, paddingInline: 12 }}>
                {row.label}
              </div>
            );
          }
          const { chat } = row;
          return (
            <div key={item.key} role="listitem" className="chatrow" style={place} {...(chat.id === id ? { "data-here": true } : {})}>
              {chat.pinned ? <IconPin size={13} aria-label={strings.chats.pinned} /> : null}
              <Link to={`/c/${chat.id}`} title={chat.snippet ?? chat.title} {...(chat.id === id ? { "aria-current": "page" as const } : {})}>
                {chat.title || strings.chats.untitled}
              </Link>
              <ChatMenu chat={chat} />
            </div>
          );
        })}
      </div>
    </ScrollArea>
  );
}

const places = [
  { to: "/compare", label: strings.nav.compare, Icon: IconArrowsSplit2, admin: false },
  { to: "/models", label: strings.nav.models, Icon: IconBox, admin: false },
  { to: "/gateway", label: strings.nav.gateway, Icon: IconRoute, admin: false },
  { to: "/usage", label: strings.nav.usage, Icon: IconChartBar, admin: false },
  { to: "/settings", label: strings.nav.settings, Icon: IconSettings, admin: false },
];

export function Sidebar(): ReactNode {
  const { session } = useSession();
  const { openPalette } = useFrame();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [text, setText] = useState("");
  const [folder, setFolder] = useState<string | null>(null);
  const [q] = useDebouncedValue(text.trim(), 180);
  const folders = useFolders();
  const dark = colorScheme === "dark" || (colorScheme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);

  return (
    <aside className="side" aria-label={strings.nav.main}>
      <Group justify="space-between" px="md" h={52} wrap="nowrap">
        <Text component={Link} to="/" fw={650} c="inherit" td="none">
          {strings.app}
        </Text>
        <Group gap={0} wrap="nowrap">
          <Tooltip label={strings.nav.theme}>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={strings.nav.theme} onClick={() => setColorScheme(dark ? "light" : "dark")}>
              {dark ? <IconSun size={18} stroke={1.6} /> : <IconMoon size={18} stroke={1.6} />}
            </ActionIcon>
          </Tooltip>
          <Tooltip label={<Hint label={strings.nav.palette} of="palette" />}>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={strings.nav.palette} onClick={openPalette}>
              <IconCommand size={18} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      <div style={{ padding: "0 8px 8px", display: "grid", gap: 8 }}>
        <Button component={Link} to="/" leftSection={<IconPlus size={16} />} variant="default" justify="flex-start">
          {strings.nav.newChat}
        </Button>
        <TextInput
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          placeholder={strings.chats.search}
          aria-label={strings.chats.search}
          data-search-chats
          leftSection={<IconSearch size={15} />}
          rightSection={text ? <CloseButton size="sm" onClick={() => setText("")} aria-label={strings.nav.close} /> : null}
          size="sm"
        />
        <Select
          size="xs"
          aria-label={strings.chats.folders}
          allowDeselect={false}
          value={folder ?? ""}
          onChange={(chosen) => setFolder(chosen || null)}
          data={[
            { value: "", label: strings.chats.all },
            ...(folders.data?.items ?? []).map((one) => ({ value: one.name, label: `${one.name} (${one.count})` })),
            { value: ARCHIVED, label: strings.chats.archived },
          ]}
        />
      </div>
      <Chats q={q} folder={folder} />
      <nav aria-label={strings.nav.main} style={{ padding: 8, borderTop: "1px solid var(--hairline)", marginTop: "auto" }}>
        {places.map(({ to, label, Icon, admin }) =>
          admin && !session?.admin ? null : (
            <NavLink key={to} to={to} className="navlink">
              <Icon size={18} stroke={1.6} aria-hidden />
              {label}
            </NavLink>
          ),
        )}
      </nav>
    </aside>
  );
}
