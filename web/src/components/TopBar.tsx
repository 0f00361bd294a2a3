// The bar above a page: what opens the side bar, the page's name, and what the page puts beside it.
import { ActionIcon, Title, Tooltip } from "@mantine/core";
import { IconLayoutSidebar } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef } from "react";
import { useLocation } from "react-router";

import { strings } from "../i18n/strings";
import { useFrame } from "./Shell";

export function SidebarToggle(): ReactNode {
  const { sidebarOpen, toggleSidebar } = useFrame();
  const label = sidebarOpen ? strings.nav.close : strings.nav.open;
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" size="lg" onClick={toggleSidebar} aria-label={label} aria-expanded={sidebarOpen}>
        <IconLayoutSidebar size={20} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  );
}

export function TopBar({ title, children }: { title: string; children?: ReactNode }): ReactNode {
  useEffect(() => {
    document.title = `${title} · ${strings.app}`;
  }, [title]);
  return (
    <header className="topbar">
      <SidebarToggle />
      <Title order={1} fz="md" style={{ flex: 1, minWidth: 0 }}>
        {title}
      </Title>
      {children}
    </header>
  );
}

/** A page below its bar, scrolling by itself. */
export function PageFrame({ title, bar, children }: { title: string; bar?: ReactNode; children: ReactNode }): ReactNode {
  const page = useRef<HTMLDivElement>(null);
  const { search } = useLocation();
  // On a phone the tabs are wider than the page: the one that is open is in sight.
  useEffect(() => {
    page.current?.querySelector('[role="tab"][aria-selected="true"]')?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [search]);
  return (
    <>
      <TopBar title={title}>{bar}</TopBar>
      <div className="page" ref={page}>
        <div className="page-inner">{children}</div>
      </div>
    </>
  );
}
