// Every address of the page. The chat comes with the first load, the rest when it is asked for.
import { createBrowserRouter } from "react-router";

import { Shell } from "./components/Shell";
import { Chat } from "./pages/Chat";
import { NotFound } from "./pages/NotFound";

export const router = createBrowserRouter([
  {
    element: <Shell />,
    children: [
      { path: "/", element: <Chat /> },
      { path: "/c/:id", element: <Chat /> },
      { path: "/compare", lazy: async () => ({ Component: (await import("./pages/Compare")).Compare }) },
      { path: "/models", lazy: async () => ({ Component: (await import("./pages/Models")).Models }) },
      { path: "/gateway", lazy: async () => ({ Component: (await import("./pages/Gateway")).Gateway }) },
      { path: "/usage", lazy: async () => ({ Component: (await import("./pages/Usage")).Usage }) },
      { path: "/settings", lazy: async () => ({ Component: (await import("./pages/Settings")).Settings }) },
      { path: "*", element: <NotFound /> },
    ],
  },
]);
