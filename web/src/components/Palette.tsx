// ⌘K, loaded when it is first asked for: every page, every chat that is at hand, and what can be done from anywhere.
import { useMantineColorScheme } from "@mantine/core";
import "@mantine/spotlight/styles.css";
import { Spotlight, spotlight, type SpotlightActionData, type SpotlightActionGroupData } from "@mantine/spotlight";
import {
  IconArrowsSplit2,
  IconBox,
  IconChartBar,
  IconKeyboard,
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
import { Keys } from "../shortcuts/Keys";
import { type ActionId, keysOf } from "../shortcuts/actions";
import { useChanges } from "../shortcuts/listen";
import { useSession } from "../state/session";
import { useFrame } from "./Shell";

const icon = { size: 18, stroke: 1.6 };

export function Palette(): ReactNode {
  const go = useNavigate();
  const { signOut } = useSession();
  const { openHelp } = useFrame();
  const [changes] = useChanges();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [query, setQuery] = useState("");
  useEffect(() => spotlight.open(), []);
  const { data } = useConversations(query.length > 1 ? { q: query } : {});

  const hint = (of: ActionId): Partial<SpotlightActionData> => {
    const keys = keysOf(of, changes);
    return keys === null ? {} : { rightSection: <Keys keys={keys} /> };
  };
  const to = (id: string, label: string, path: string, left: ReactNode, of?: ActionId): SpotlightActionData => ({
    id,
    label,
    leftSection: left,
    onClick: () => void go(path),
    ...(of ? hint(of) : {}),
  });
  const groups: SpotlightActionGroupData[] = [
    {
      group: strings.nav.main,
      actions: [
        to("new", strings.nav.newChat, "/", <IconPlus {...icon} />, "newChat"),
        to("compare", strings.nav.compare, "/compare", <IconArrowsSplit2 {...icon} />, "compare"),
        to("models", strings.nav.models, "/models", <IconBox {...icon} />, "models"),
        to("gateway", strings.nav.gateway, "/gateway", <IconRoute {...icon} />, "gateway"),
        to("usage", strings.nav.usage, "/usage", <IconChartBar {...icon} />, "usage"),
        to("settings", strings.nav.settings, "/settings", <IconSettings {...icon} />, "settings"),
        {
          id: "theme",
          label: strings.nav.theme,
          leftSection: <IconMoon {...icon} />,
          onClick: () => setColorScheme(colorScheme === "dark" ? "light" : "dark"),
          ...hint("theme"),
        },
        { id: "help", label: strings.shortcuts.title, leftSection: <IconKeyboard {...icon} />, onClick: openHelp, ...hint("help") },
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
      shortcut={null}
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
