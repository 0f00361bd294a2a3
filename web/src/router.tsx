// Every address of the page. The chat comes with the first load, the rest when it is asked for.
import { type ReactNode, lazy } from "react";
import { Route, Routes } from "react-router";

import { Shell } from "./components/Shell";
import { Chat } from "./pages/Chat";
import { NotFound } from "./pages/NotFound";

const Compare = lazy(async () => ({ default: (await import("./pages/Compare")).Compare }));
const Models = lazy(async () => ({ default: (await import("./pages/Models")).Models }));
const Gateway = lazy(async () => ({ default: (await import("./pages/Gateway")).Gateway }));
const Usage = lazy(async () => ({ default: (await import("./pages/Usage")).Usage }));
const Settings = lazy(async () => ({ default: (await import("./pages/Settings")).Settings }));

export function Addresses(): ReactNode {
  return (
    <Routes>
      <Route element={<Shell />}>
        <Route path="/" element={<Chat />} />
        <Route path="/c/:id" element={<Chat />} />
        <Route path="/compare" element={<Compare />} />
        <Route path="/models" element={<Models />} />
        <Route path="/gateway" element={<Gateway />} />
        <Route path="/usage" element={<Usage />} />
        <Route path="/settings" element={<Settings />} />
        <Route path="*" element={<NotFound />} />
      </Route>
    </Routes>
  );
}
