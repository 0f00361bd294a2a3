// ⌘K, loaded when it is first asked for: every page, every chat that is at hand, and what can be done from anywhere.
import { useMantineColorScheme } from "@mantine/core";
import "@mantine/spotlight/styles.css";
import { Spotlight, spotlight, type SpotlightActionData, type SpotlightActionGroupData } from "@mantine/spotlight";
import {
  IconArrowsSplit2,
  IconBox,
  IconChartBar,
  IconLogout,
  IconMessage,
  IconMoon,
  IconPlus,
  IconRoute,
  IconSearch,
  IconSettings,
} from "@tabler/icons-react";
import { type ReactNode, useEffect, useState } from "react";
import { useNavigate } from "react-router";

import { useConversations } from "../api/queries";
import { strings } from "../i18n/strings";
import { useSession } from "../state/session";

const icon = { size: 18, stroke: 1.6 };

export function Palette(): ReactNode {
  const go = useNavigate();
  const { signOut } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [query, setQuery] = useState("");
  useEffect(() => spotlight.open(), []);
  const { data } = useConversations(query.length > 1 ? { q: query } : {});

  const to = (id: string, label: string, path: string, left: ReactNode): SpotlightActionData => ({
    id,
    label,
    leftSection: left,
    onClick: () => void go(path),
  });
  const groups: SpotlightActionGroupData[] = [
    {
      group: strings.nav.main,
      actions: [
        to("new", strings.nav.newChat, "/", <IconPlus {...icon} />),
        to("compare", strings.nav.compare, "/compare", <IconArrowsSplit2 {...icon} />),
        to("models", strings.nav.models, "/models", <IconBox {...icon} />),
        to("gateway", strings.nav.gateway, "/gateway", <IconRoute {...icon} />),
        to("usage", strings.nav.usage, "/usage", <IconChartBar {...icon} />),
        to("settings", strings.nav.settings, "/settings", <IconSettings {...icon} />),
        {
          id: "theme",
          label: strings.nav.theme,
          leftSection: <IconMoon {...icon} />,
          onClick: () => setColorScheme(colorScheme === "dark" ? "light" : "dark"),
        },
        { id: "out", label: strings.nav.signOut, leftSection: <IconLogout {...icon} />, onClick: () => void signOut() },
      ],
    },
    {
      group: strings.nav.chat,
      actions: (data?.pages[0]?.items ?? []).slice(0, 8).map((chat) => ({
        ...to(chat.id, chat.title || strings.chats.untitled, `/c/${chat.id}`, <IconMessage {...icon} />),
        ...(chat.snippet ? { description: chat.snippet } : {}),
        keywords: query, // the gateway has searched already
      })),
    },
  ];
  return (
    <Spotlight
      actions={groups}
      shortcut={["mod + K"]}
      query={query}
      onQueryChange={setQuery}
      nothingFound={strings.chats.nothingFound}
      attributes={{ content: { "aria-label": strings.nav.palette } }}
      highlightQuery
      scrollable
      maxHeight={420}
      searchProps={{
        leftSection: <IconSearch {...icon} />,
        placeholder: strings.search,
        "aria-label": strings.nav.palette,
      }}
    />
  );
}
