// The frame of every page: side bar, stage, command palette. On a phone the side bar is a drawer.
import { Drawer, Loader, Stack } from "@mantine/core";
import { useDisclosure, useHotkeys, useMediaQuery } from "@mantine/hooks";
import { type ReactNode, Suspense, createContext, lazy, useContext, useEffect, useMemo, useState } from "react";
import { Outlet, useLocation } from "react-router";

import { strings } from "../i18n/strings";
import { useSession } from "../state/session";
import { useVoice, voice } from "../voice/state";
import { Boundary } from "./Boundary";
import { Failure } from "./Failure";
import { Sidebar } from "./Sidebar";

const SignIn = lazy(async () => ({ default: (await import("../pages/SignIn")).SignIn }));
const VoicePanel = lazy(async () => ({ default: (await import("../voice/VoicePanel")).VoicePanel }));
const Palette = lazy(async () => ({ default: (await import("./Palette")).Palette }));

interface Frame {
  openPalette: () => void;
  narrow: boolean;
  sidebarOpen: boolean;
  toggleSidebar: () => void;
}

const FrameContext = createContext<Frame>({ narrow: false, sidebarOpen: true, toggleSidebar: () => undefined, openPalette: () => undefined });

export function useFrame(): Frame {
  return useContext(FrameContext);
}

export function Shell(): ReactNode {
  const { session, problem } = useSession();
  const { pathname } = useLocation();
  const narrow = useMediaQuery("(max-width: 62em)", matchMedia("(max-width: 62em)").matches, {
    getInitialValueInEffect: false,
  });
  const [drawer, drawerActions] = useDisclosure(false);
  const [wide, wideActions] = useDisclosure(true);
  const [palette, setPalette] = useState(false);
  const closeDrawer = drawerActions.close;
  const offered = session?.features.voice ?? false;
  const talks = useVoice().opened && offered;
  useEffect(() => {
    if (!offered) voice.leave(); // whoever signed out has hung up
  }, [offered]);

  // The palette opens itself when it first comes, and from then on heeds its own shortcut.
  useHotkeys(palette ? [] : [["mod+K", () => setPalette(true)]], []);

  useEffect(() => closeDrawer(), [pathname, closeDrawer]);

  const frame = useMemo<Frame>(
    () => ({
      narrow,
      sidebarOpen: narrow ? drawer : wide,
      toggleSidebar: narrow ? drawerActions.toggle : wideActions.toggle,
      openPalette: () => {
        if (palette) void import("@mantine/spotlight").then(({ spotlight }) => spotlight.open());
        else setPalette(true);
      },
    }),
    [narrow, drawer, wide, drawerActions.toggle, wideActions.toggle, palette],
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
      {palette ? (
        <Suspense fallback={null}>
          <Palette />
        </Suspense>
      ) : null}
    </FrameContext>
  );
}
