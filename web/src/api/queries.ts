// What pages ask the gateway for, each under one key, so that a change made in one place is seen in all.
import {
  type InfiniteData,
  type QueryClient,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";

import { api, at } from "./client";
import type {
  ChatSettings,
  Conversation,
  ConversationWhole,
  Message,
  Model,
  Page,
  Part,
  Preset,
  Provider,
  Tool,
} from "./types";

export const keys = {
  conversations: ["conversations"] as const,
  conversation: (id: string) => ["conversation", id] as const,
  folders: ["folders"] as const,
  models: ["models"] as const,
  providers: ["providers"] as const,
  presets: ["presets"] as const,
  tools: ["tools"] as const,
};

export const conversationPath = (id: string): string => `/api/conversations/${encodeURIComponent(id)}`;

export interface ListFilter {
  q?: string;
  folder?: string;
  archived?: boolean;
}

export function useConversations(filter: ListFilter, enabled = true) {
  return useInfiniteQuery({
    queryKey: [...keys.conversations, filter],
    queryFn: ({ pageParam, signal }) =>
      api.get<Page<Conversation>>(at("/api/conversations", { ...filter, after: pageParam, limit: 60 }), signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: (before) => before,
    enabled,
  });
}

const underway = new Map<string, Set<Promise<void>>>();
const changes = new Map<string, number>();

/** Says that a conversation is no longer what the gateway may just be telling of it. */
function changedHere(id: string): void {
  changes.set(id, (changes.get(id) ?? 0) + 1);
}

/** Writes to a conversation; whoever reads it is told what it is afterwards. */
function writing<T>(id: string, write: Promise<T>): Promise<T> {
  const here = underway.get(id) ?? new Set();
  underway.set(id, here);
  const over = (): void => {
    here.delete(done);
    changedHere(id);
  };
  const done = write.then(over, over);
  here.add(done);
  changedHere(id);
  return write;
}

/** A conversation as the gateway has it once all has arrived that was written to it here. */
export async function readConversation(id: string, signal: AbortSignal): Promise<ConversationWhole> {
  for (;;) {
    await Promise.all(underway.get(id) ?? []);
    const before = changes.get(id);
    const found = await api.get<ConversationWhole>(conversationPath(id), signal);
    if (changes.get(id) === before) return found;
  }
}

export function useConversation(id: string | undefined) {
  return useQuery({
    queryKey: keys.conversation(id ?? ""),
    queryFn: ({ signal }) => readConversation(id ?? "", signal),
    enabled: id !== undefined,
  });
}

export function useFolders(enabled = true) {
  return useQuery({
    queryKey: keys.folders,
    queryFn: ({ signal }) => api.get<Page<{ name: string; count: number }>>("/api/folders", signal),
    enabled,
  });
}

export function useModels() {
  return useQuery({
    queryKey: keys.models,
    queryFn: ({ signal }) => api.get<Page<Model>>("/api/models", signal),
    staleTime: 60_000,
  });
}

export function useProviders(enabled = true) {
  return useQuery({
    queryKey: keys.providers,
    queryFn: ({ signal }) => api.get<Page<Provider>>("/api/providers", signal),
    enabled,
  });
}

export function usePresets(enabled = true) {
  return useQuery({
    queryKey: keys.presets,
    queryFn: ({ signal }) => api.get<Page<Preset>>("/api/presets", signal),
    staleTime: 60_000,
    enabled,
  });
}

export function useTools() {
  return useQuery({
    queryKey: keys.tools,
    queryFn: ({ signal }) => api.get<Page<Tool>>("/api/tools", signal),
    staleTime: 60_000,
  });
}

/** Puts some of a conversation wherever it is shown. */
export function showConversation(queries: QueryClient, id: string, some: Partial<Conversation>): void {
  changedHere(id);
  queries.setQueryData<ConversationWhole>(keys.conversation(id), (before) => (before ? { ...before, ...some } : before));
  queries.setQueriesData<InfiniteData<Page<Conversation>>>({ queryKey: keys.conversations }, (before) =>
    before
      ? {
          ...before,
          pages: before.pages.map((page) => ({
            ...page,
            items: page.items.map((one) => (one.id === id ? { ...one, ...some } : one)),
          })),
        }
      : before,
  );
}

export interface ConversationChange {
  title?: string;
  folder?: string | null;
  pinned?: boolean;
  archived?: boolean;
  active?: string;
  settings?: ChatSettings;
}

export function useChangeConversation(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (change: ConversationChange) => conversations.change(id, change),
    onSuccess: (changed, change) => {
      // No more than was asked for: the rest may be older than what is shown.
      const names = ["updated", ...Object.keys(change)] as (keyof Conversation)[];
      showConversation(queries, id, Object.fromEntries(names.map((name) => [name, changed[name]])));
      if ("folder" in change || "archived" in change || "pinned" in change) {
        void queries.invalidateQueries({ queryKey: keys.conversations });
        void queries.invalidateQueries({ queryKey: keys.folders });
      }
    },
  });
}

export function useDeleteConversation() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.delete<undefined>(conversationPath(id)),
    onSuccess: (_, id) => {
      queries.removeQueries({ queryKey: keys.conversation(id) });
      void queries.invalidateQueries({ queryKey: keys.conversations });
      void queries.invalidateQueries({ queryKey: keys.folders });
    },
  });
}

export const conversations = {
  create: (given: { title?: string; folder?: string; settings?: ChatSettings }) =>
    api.post<Conversation>("/api/conversations", given),
  change: (id: string, change: ConversationChange) => writing(id, api.patch<Conversation>(conversationPath(id), change)),
  append: (id: string, message: { parent: string | null; role: "user" | "assistant"; parts: Part[] }) =>
    writing(id, api.post<Message>(`${conversationPath(id)}/messages`, message)),
  fork: (id: string, message: string) => api.post<Conversation>(`${conversationPath(id)}/fork`, { message }),
  deleteMessage: (id: string, message: string) =>
    writing(id, api.delete<undefined>(`${conversationPath(id)}/messages/${encodeURIComponent(message)}`)),
};

/** Adds a message to a conversation as it is held here. */
export function showMessage(queries: QueryClient, conversation: string, message: Message): void {
  changedHere(conversation);
  queries.setQueryData<ConversationWhole>(keys.conversation(conversation), (before) => {
    if (!before) return before;
    const others = before.messages.filter((one) => one.id !== message.id);
    const place = before.messages.findIndex((one) => one.id === message.id);
    const messages =
      place < 0 ? [...others, message] : before.messages.map((one) => (one.id === message.id ? message : one));
    return { ...before, messages, active: message.id };
  });
}
