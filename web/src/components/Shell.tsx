// The frame of every page: side bar, stage, command palette. On a phone the side bar is a drawer.
import { Drawer, Loader, Stack, useMantineColorScheme } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { type ReactNode, Suspense, createContext, lazy, useContext, useEffect, useMemo, useState } from "react";
import { Outlet, useLocation, useNavigate } from "react-router";

import { strings } from "../i18n/strings";
import { useAction } from "../shortcuts/listen";
import { useKept } from "../state/kept";
import { useSession } from "../state/session";
import { useVoice, voice } from "../voice/state";
import { Boundary } from "./Boundary";
import { Failure } from "./Failure";
import { Sidebar } from "./Sidebar";

const SignIn = lazy(async () => ({ default: (await import("../pages/SignIn")).SignIn }));
const VoicePanel = lazy(async () => ({ default: (await import("../voice/VoicePanel")).VoicePanel }));
const Help = lazy(async () => ({ default: (await import("../shortcuts/Help")).Help }));
const Palette = lazy(async () => ({ default: (await import("./Palette")).Palette }));

interface Frame {
  openPalette: () => void;
  openHelp: () => void;
  narrow: boolean;
  sidebarOpen: boolean;
  toggleSidebar: () => void;
}

const FrameContext = createContext<Frame>({ narrow: false, sidebarOpen: true, toggleSidebar: () => undefined, openPalette: () => undefined, openHelp: () => undefined });

export function useFrame(): Frame {
  return useContext(FrameContext);
}

/** What can be done from everywhere by keys. */
function Everywhere({ frame }: { frame: Frame }): ReactNode {
  const go = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  useAction("palette", frame.openPalette);
  useAction("help", frame.openHelp);
  useAction("sidebar", frame.toggleSidebar);
  useAction("searchChats", () => {
    if (!frame.sidebarOpen) frame.toggleSidebar();
    const find = (tries: number): void => {
      const field = document.querySelector<HTMLInputElement>("[data-search-chats]");
      if (field && tries < 28) field.focus();
      else if (tries > 0) requestAnimationFrame(() => find(tries - 1));
    };
    find(frame.sidebarOpen ? 1 : 30);
  });
  useAction("theme", () => {
    const dark = colorScheme === "dark" || (colorScheme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
    setColorScheme(dark ? "light" : "dark");
  });
  useAction("newChat", () => void go("/"));
  useAction("compare", () => void go("/compare"));
  useAction("models", () => void go("/models"));
  useAction("gateway", () => void go("/gateway"));
  useAction("usage", () => void go("/usage"));
  useAction("settings", () => void go("/settings"));
  return null;
}

export function Shell(): ReactNode {
  const { session, problem } = useSession();
  const { pathname } = useLocation();
  const narrow = useMediaQuery("(max-width: 62em)", matchMedia("(max-width: 62em)").matches, {
    getInitialValueInEffect: false,
  });
  const [drawer, drawerActions] = useDisclosure(false);
  const [wide, setWide] = useKept("sidebar", true);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const closeDrawer = drawerActions.close;
  const offered = session?.features.voice ?? false;
  const talks = useVoice().opened && offered;
  useEffect(() => {
    if (!offered) voice.leave(); // whoever signed out has hung up
  }, [offered]);

  useEffect(() => closeDrawer(), [pathname, closeDrawer]);

  const frame = useMemo<Frame>(
    () => ({
      narrow,
      sidebarOpen: narrow ? drawer : wide,
      toggleSidebar: narrow ? drawerActions.toggle : () => setWide(!wide),
      openHelp: () => setHelp(true),
      openPalette: () => {
        // It opens itself when it first comes.
        if (palette) void import("@mantine/spotlight").then(({ spotlight }) => spotlight.toggle());
        else setPalette(true);
      },
    }),
    [narrow, drawer, wide, drawerActions.toggle, setWide, palette],
  );

  if (!session) {
    return (
      <Stack h="100dvh" align="center" justify="center" p="lg" component="main" aria-busy={!problem}>
        {problem ? <Failure error={problem} retry={() => location.reload()} /> : <Loader aria-label={strings.loading} />}
      </Stack>
    );
  }
  if (!session.signed_in) {
    return (
      <Suspense fallback={null}>
        <SignIn />
      </Suspense>
    );
  }

  return (
    <FrameContext value={frame}>
      <Everywhere frame={frame} />
      <a className="skip" href="#stage">
        {strings.nav.skip}
      </a>
      <div className="frame" data-voice={talks || undefined}>
        {narrow ? (
          <Drawer
            opened={drawer}
            onClose={drawerActions.close}
            size={280}
            padding={0}
            withCloseButton={false}
            attributes={{ content: { "aria-label": strings.nav.main } }}
            styles={{ body: { height: "100%" } }}
          >
            <Sidebar />
          </Drawer>
        ) : wide ? (
          <Sidebar />
        ) : (
          <span />
        )}
        <main className="stage" id="stage" tabIndex={-1}>
          <Boundary name={pathname}>
            <Suspense fallback={<Loader m="auto" aria-label={strings.loading} />}>
              <Outlet />
            </Suspense>
          </Boundary>
        </main>
        {talks ? (
          <Suspense fallback={null}>
            <VoicePanel narrow={narrow} />
          </Suspense>
        ) : null}
      </div>
      {help ? (
        <Suspense fallback={null}>
          <Help onClose={() => setHelp(false)} />
        </Suspense>
      ) : null}
      {palette ? (
        <Suspense fallback={null}>
          <Palette />
        </Suspense>
      ) : null}
    </FrameContext>
  );
}
