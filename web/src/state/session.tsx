// Who is signed in. The one-time link brings a code in the address's fragment, which no server ever sees or logs.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";

import { Problem, api, onSignedOut, token } from "../api/client";
import type { Session } from "../api/types";
import { runs } from "../runs/runs";

interface Known {
  session: Session | undefined;
  problem: Problem | null;
  /** why a sign-in is asked for again */
  notice: "stale" | "out" | null;
  signIn: (secret: string) => Promise<void>;
  signOut: () => Promise<void>;
}

const Context = createContext<Known | null>(null);

interface SignedIn {
  token: string;
}

/** The desktop window's bridge (`il desktop`); not there in a browser. */
interface Bridge {
  invoke: (command: string) => Promise<{ ok: boolean; value?: { code: string } }>;
}

/** Signs in again where a window is open for longer than a session lasts; whether it could. */
async function renewed(): Promise<boolean> {
  const answer = await (window as { interlingua?: Bridge }).interlingua?.invoke("sign_in");
  if (!answer?.ok || !answer.value) return false;
  try {
    token.set((await api.post<SignedIn>("/api/session", { code: answer.value.code })).token);
    return true;
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
}

function codeInAddress(): string | null {
  const found = new URLSearchParams(location.hash.replace(/^#/, "")).get("sign-in");
  if (found) history.replaceState(history.state, "", location.pathname + location.search);
  return found;
}

// Read once, before anything else: a second look would find the address cleaned, and a code serves only once.
let exchange: Promise<"stale" | null> | null = null;

function exchanged(): Promise<"stale" | null> {
  exchange ??= (async () => {
    const code = codeInAddress();
    if (!code) return null;
    try {
      token.set((await api.post<SignedIn>("/api/session", { code })).token);
      return null;
    } catch (error) {
      if (error instanceof Problem) return "stale";
      throw error;
    }
  })();
  return exchange;
}

export function SessionProvider({ children }: { children: ReactNode }): ReactNode {
  const queries = useQueryClient();
  const [notice, setNotice] = useState<Known["notice"]>(null);
  const { data, error } = useQuery({
    queryKey: ["session"],
    queryFn: async ({ signal }) => {
      setNotice(await exchanged());
      return api.get<Session>("/api/session", signal);
    },
    staleTime: Number.POSITIVE_INFINITY,
    retry: 2,
  });

  useEffect(
    () =>
      onSignedOut(() => {
        runs.leaveAll();
        void renewed().then((again) => {
          if (again) return queries.resetQueries();
          setNotice("out");
          return queries.invalidateQueries({ queryKey: ["session"] });
        });
      }),
    [queries],
  );

  const signIn = useCallback(
    async (key: string) => {
      token.set((await api.post<SignedIn>("/api/session", { key })).token);
      setNotice(null);
      await queries.resetQueries();
    },
    [queries],
  );

  const signOut = useCallback(async () => {
    runs.leaveAll();
    await api.delete("/api/session");
    token.clear();
    await queries.resetQueries({ queryKey: ["session"] });
    // What the one who left has seen is forgotten; the session itself is watched and must stay.
    queries.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
  }, [queries]);

  const value = useMemo<Known>(
    () => ({ session: data, problem: error instanceof Problem ? error : null, notice, signIn, signOut }),
    [data, error, notice, signIn, signOut],
  );
  return <Context value={value}>{children}</Context>;
}

export function useSession(): Known {
  const found = useContext(Context);
  if (!found) throw new Error("useSession outside of SessionProvider");
  return found;
}
