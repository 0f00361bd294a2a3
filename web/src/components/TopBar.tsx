// The bar above a page: what opens the side bar, the page's name, and what the page puts beside it.
import { ActionIcon, Title, Tooltip } from "@mantine/core";
import { IconLayoutSidebar } from "@tabler/icons-react";
import { type ReactNode, useEffect } from "react";

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
  return (
    <>
      <TopBar title={title}>{bar}</TopBar>
      <div className="page">
        <div className="page-inner">{children}</div>
      </div>
    </>
  );
}
