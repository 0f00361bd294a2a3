// The chat: a tree of messages in the gateway's store, and the run that is answering it.
import { ActionIcon, Button, Group, Skeleton, Stack, Text, Title, Tooltip } from "@mantine/core";
import { IconAdjustmentsHorizontal, IconChevronDown, IconKey } from "@tabler/icons-react";
import { modals } from "@mantine/modals";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, Suspense, lazy, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import { Problem, api, at } from "../api/client";
import { conversations, keys, showConversation, showMessage, useConversation, useModels } from "../api/queries";
import type { ChatSettings, ConversationWhole, Message, Model, Page, Part } from "../api/types";
import type { Attachment } from "../chat/attachments";
import { Composer } from "../chat/Composer";
import { ContextGauge } from "../chat/ContextGauge";
import type { Looking } from "../chat/Inspector";
import { ModelPicker } from "../chat/ModelPicker";
import { Thread, type ThreadActs } from "../chat/Thread";
import { providerOf } from "../chat/models";
import { firstWords, path, textOf } from "../chat/tree";
import { ChatMenu, complain } from "../components/ChatMenu";
import { Failure } from "../components/Failure";
import { Monogram } from "../components/Monogram";
import { SidebarToggle } from "../components/TopBar";
import { strings } from "../i18n/strings";
import { Run } from "../runs/run";
import { runs, useRunOf } from "../runs/runs";
import { useAction } from "../shortcuts/listen";
import { useDraft } from "../state/drafts";
import { useKept } from "../state/kept";
import { useSession } from "../state/session";
import { VoiceButton } from "../voice/VoiceButton";
import { tellTabs, useToldByTabs } from "../state/tabs";

const RawRequest = lazy(async () => ({ default: (await import("../chat/RawRequest")).RawRequest }));
const Inspector = lazy(async () => ({ default: (await import("../chat/Inspector")).Inspector }));

interface RunStarted {
  id: string;
  conversation: string | null;
  parent: string | null;
  message: string | null;
}

const NO_MESSAGES: Message[] = [];
const NO_SETTINGS: ChatSettings = {};
const CODE = /^ {0,3}```[^\n]*\n([\s\S]*?)^ {0,3}```/gm;

/** Copies what there is, and says so; without a clipboard, says that. */
async function copyText(text: string | undefined): Promise<void> {
  if (!text) return;
  try {
    await navigator.clipboard.writeText(text);
    notifications.show({ message: strings.copied, autoClose: 1500 });
  } catch (error) {
    complain(error);
  }
}

/** Moves the focus to a message before or behind the one that has it; without one, to the last. */
function stepTo(by: 1 | -1): void {
  const all = [...document.querySelectorAll<HTMLElement>(".thread .turn")];
  const at = all.findIndex((one) => one.contains(document.activeElement));
  const next = at < 0 ? all.at(-1) : all[at + by];
  if (!next) return;
  next.tabIndex = -1;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

/** Starts and follows runs; what they end with is put where conversations are held. */
function useRuns(): {
  start: (conversation: string, parent: string, settings: ChatSettings, model: string) => Promise<void>;
  attach: (started: RunStarted & { conversation: string }, model: string) => void;
} {
  const queries = useQueryClient();
  return useMemo(() => {
    const attach = (started: RunStarted & { conversation: string }, model: string): void => {
      if (runs.of(started.conversation)?.get().id === started.id) return;
      const run = new Run({ ...started, model });
      runs.put(started.conversation, run);
      void run.watch((kept) => {
        const settle = async (): Promise<void> => {
          for (const message of kept) showMessage(queries, started.conversation, message);
          if (kept.length === 0) await queries.refetchQueries({ queryKey: keys.conversation(started.conversation) });
          runs.drop(started.conversation, run);
          tellTabs(started.conversation);
          await queries.invalidateQueries({ queryKey: keys.conversations });
        };
        void settle();
      });
    };
    return {
      attach,
      start: async (conversation, parent, settings, model) => {
        const started = await api.post<RunStarted>("/api/runs", { conversation, parent, model, settings });
        attach({ ...started, conversation }, model);
        tellTabs(conversation);
      },
    };
  }, [queries]);
}

export function Chat(): ReactNode {
  const { id } = useParams();
  const go = useNavigate();
  const queries = useQueryClient();
  const { session } = useSession();
  const models = useModels();
  const found = useConversation(id);
  const run = useRunOf(id);
  const { start, attach } = useRuns();
  const field = useRef<HTMLTextAreaElement>(null);

  const [lastModel, setLastModel] = useKept<string | null>("model", null);
  const [fresh, setFresh] = useState<ChatSettings>(NO_SETTINGS);
  const [attached, setAttached] = useState<Attachment[]>([]);
  const [pending, setPending] = useState<Part[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [looked, setLooked] = useState<string | null>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const [raw, setRaw] = useState<string | null>(null);
  const [looking, setLooking] = useState<Looking | null>(null);
  const [picking, setPicking] = useState<{ answer: Message | null } | null>(null);

  const chat = found.data;
  const all = chat?.messages ?? NO_MESSAGES;
  const turns = useMemo(() => path(all, chat?.active ?? null), [all, chat?.active]);
  const byId = useMemo(() => new Map((models.data?.items ?? []).map((model) => [model.id, model])), [models.data]);
  const settings = chat?.settings ?? fresh;
  const modelId = settings.model ?? (lastModel && (byId.size === 0 || byId.has(lastModel)) ? lastModel : (session?.default_model ?? ""));
  const model = byId.get(modelId);
  const place = id ?? "new";
  const [text, setText] = useDraft(place);
  const title = chat ? chat.title || firstWords(turns) || strings.chats.untitled : strings.nav.newChat;

  useEffect(() => {
    document.title = `${title} · ${strings.app}`;
  }, [title]);
  useEffect(() => {
    setEditing(null);
    setLooking(null);
    setRaw(null);
    setPending(null);
    setAttached([]);
  }, [id]);

  // An answer that is still being produced is found again after a refresh, and on a second device.
  const loaded = chat?.id;
  const findRun = useCallback(
    async (conversation: string): Promise<void> => {
      if (!runs.of(conversation)) {
        const page = await api.get<Page<RunStarted & { model: string }>>(at("/api/runs", { conversation }));
        const going = page.items[0];
        if (going) attach({ ...going, conversation }, going.model);
        else {
          // Between our look at the chat and our look at its runs, its answer may have ended: then it is there by now.
          const seen = queries.getQueryData<ConversationWhole>(keys.conversation(conversation));
          if (seen?.messages.find((one) => one.id === seen.active)?.role === "user") await queries.refetchQueries({ queryKey: keys.conversation(conversation) });
        }
      }
      setLooked(conversation);
    },
    [attach, queries],
  );
  useEffect(() => {
    if (loaded) findRun(loaded).catch(complain);
  }, [loaded, findRun]);

  // What another tab or device did to this chat: told by the one, and looked for when one comes back from the other.
  const { refetch } = found;
  const look = useCallback(
    (conversation: string) => {
      void queries.invalidateQueries({ queryKey: keys.conversations });
      if (conversation !== loaded || runs.of(conversation)) return;
      setLooked(null);
      void refetch().then(() => findRun(conversation).catch(complain));
    },
    [queries, loaded, refetch, findRun],
  );
  useToldByTabs(look);
  useEffect(() => {
    const back = (): void => {
      if (document.visibilityState === "visible" && loaded) look(loaded);
    };
    document.addEventListener("visibilitychange", back);
    return () => document.removeEventListener("visibilitychange", back);
  }, [loaded, look]);

  const saveSettings = (next: ChatSettings): void => {
    if (next.model) setLastModel(next.model);
    if (!id) {
      setFresh(next);
      return;
    }
    // In force at once, so that the next message and the next choice build on it; the answer tells nothing newer.
    showConversation(queries, id, { settings: next });
    conversations.change(id, { settings: next }).catch((error: unknown) => {
      complain(error);
      void found.refetch();
    });
  };
  const chooseModel = (chosen: Model): void => saveSettings({ ...settings, model: chosen.id });

  const answer = async (conversation: string, parent: string, model: string, using = settings): Promise<void> => {
    await start(conversation, parent, using, model);
  };

  const send = async (parts: Part[], parent: string | null, using = settings): Promise<void> => {
    const asked = using.model ?? modelId;
    setBusy(true);
    setPending(parts);
    const kept = { text, attached };
    setText("");
    setAttached([]);
    try {
      let conversation = id;
      if (!conversation) {
        const made = await conversations.create({ settings: { ...using, model: asked } });
        conversation = made.id;
        queries.setQueryData<ConversationWhole>(keys.conversation(made.id), { ...made, messages: [] });
      }
      const message = await conversations.append(conversation, { parent, role: "user", parts });
      showMessage(queries, conversation, message);
      setPending(null);
      await answer(conversation, message.id, asked, using);
      setFresh(NO_SETTINGS);
      void queries.invalidateQueries({ queryKey: keys.conversations });
      if (!id) void go(`/c/${conversation}`);
    } catch (error) {
      complain(error);
      setText(kept.text);
      setAttached(kept.attached);
      if (id) void found.refetch();
    } finally {
      setPending(null);
      setBusy(false);
    }
  };

  const again = (message: Message, model: string): void => {
    if (!id || !message.parent) return;
    answer(id, message.parent, model).then(() => showConversation(queries, id, { active: message.parent }), complain);
  };

  const acts: ThreadActs = {
    onSibling: (leaf) => {
      if (!id) return;
      showConversation(queries, id, { active: leaf });
      conversations.change(id, { active: leaf }).catch(complain);
    },
    onSaveEdit: (message, parts) => {
      setEditing(null);
      if (message.role === "user") {
        void send(parts, message.parent);
        return;
      }
      if (!id) return;
      conversations.append(id, { parent: message.parent, role: "assistant", parts }).then((made) => {
        showMessage(queries, id, made);
        tellTabs(id);
      }, complain);
    },
    onRegenerate: (message) => again(message, modelId),
    onRegenerateWith: (message) => setPicking({ answer: message }),
    onFork: (message) => {
      if (!id) return;
      conversations.fork(id, message.id).then((made) => {
        void queries.invalidateQueries({ queryKey: keys.conversations });
        void go(`/c/${made.id}`);
      }, complain);
    },
    onContinue: (message) => void send([{ type: "text", text: strings.chat.goOn }], message.id),
    onDelete: (message) => {
      if (!id) return;
      modals.openConfirmModal({
        title: strings.chat.deleteMessage,
        children: <Text size="sm">{strings.chat.deleteMessageSure}</Text>,
        labels: { confirm: strings.delete, cancel: strings.cancel },
        confirmProps: { color: "red" },
        onConfirm: () =>
          void conversations.deleteMessage(id, message.id).then(() => {
            tellTabs(id);
            void found.refetch();
          }, complain),
      });
    },
    onRequest: (message) => setRaw(message.id),
    onDetails: (message) => setLooking({ what: "message", message }),
  };

  const stop = (): void => {
    run?.stop().catch(complain);
  };
  const editLast = (): void => {
    const last = turns.findLast((turn) => turn.message.role === "user");
    if (last) setEditing(last.message.id);
  };
  const lastAnswer = turns.findLast((turn) => turn.message.role === "assistant")?.message;
  useAction("chooseModel", () => setPicking({ answer: null }));
  useAction("focusField", () => field.current?.focus());
  useAction("chatSettings", () => setLooking(looking?.what === "chat" ? null : { what: "chat" }));
  useAction("stop", stop, run !== undefined);
  useAction("again", () => lastAnswer && again(lastAnswer, modelId), run === undefined && lastAnswer !== undefined);
  useAction("copyAnswer", () => void copyText(lastAnswer && textOf(lastAnswer)), lastAnswer !== undefined);
  useAction("copyCode", () => void copyText(lastAnswer && [...textOf(lastAnswer).matchAll(CODE)].at(-1)?.[1]), lastAnswer !== undefined);
  useAction("previousMessage", () => stepTo(-1), turns.length > 0);
  useAction("nextMessage", () => stepTo(1), turns.length > 0);

  const last = turns.at(-1)?.message;
  // A gateway that died in mid-answer, a deleted answer, an imported question: nobody is at work on it.
  const unanswered = id !== undefined && looked === id && last?.role === "user" && run === undefined && !busy && editing === null;
  const composer = (
    <Composer
      conversation={id}
      parent={last?.id ?? null}
      modelId={modelId}
      model={model}
      models={models.data?.items ?? []}
      settings={settings}
      text={text}
      onText={setText}
      attached={attached}
      onAttached={setAttached}
      running={run !== undefined}
      busy={busy || (id !== undefined && !chat)}
      onSend={(parts, using) => void send(parts, last?.id ?? null, using)}
      onStop={stop}
      onPickModel={() => setPicking({ answer: null })}
      onModel={chooseModel}
      onSettings={saveSettings}
      onClear={() => {
        setText("");
        setAttached([]);
        setFresh(NO_SETTINGS);
        void go("/");
      }}
      onEditLast={editLast}
      field={field}
    />
  );

  return (
    <div style={{ display: "flex", height: "100%", minHeight: 0 }}>
      <div style={{ flex: 1, minWidth: 0, display: "flex", flexDirection: "column", minHeight: 0 }}>
        <header className="topbar">
          <SidebarToggle />
          <Title order={1} fz="md" style={{ flex: "1 1 0", minWidth: 0, overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" }}>
            {title}
          </Title>
          <ContextGauge turns={turns} all={all} model={model} />
          <button type="button" className="pill wide-only" style={{ maxWidth: "45%" }} onClick={() => setPicking({ answer: null })} aria-label={strings.picker.button(modelId)} aria-haspopup="dialog">
            <Monogram name={model?.provider ?? providerOf(modelId)} size={18} />
            <span className="name">{model?.name ?? modelId}</span>
            <IconChevronDown size={14} aria-hidden />
          </button>
          <VoiceButton />
          <Tooltip label={strings.chat.inspector}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={strings.chat.inspector}
              aria-expanded={looking?.what === "chat"}
              onClick={() => setLooking(looking?.what === "chat" ? null : { what: "chat" })}
            >
              <IconAdjustmentsHorizontal size={20} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
          {chat ? <ChatMenu chat={chat} always /> : null}
        </header>
        {id === undefined && !pending ? (
          <Welcome onText={(suggestion) => {
            setText(suggestion);
            field.current?.focus();
          }} local={model?.local ? model.name : null} admin={session?.admin ?? false} />
        ) : found.error ? (
          <div className="measure" style={{ flex: 1 }}>
            {found.error instanceof Problem && found.error.info.code === "not_found" ? (
              <Stack align="center" gap="md" py={40} role="alert">
                <Text c="dimmed">{strings.chat.notFound}</Text>
                <Button component={Link} to="/" variant="default">
                  {strings.chat.newInstead}
                </Button>
              </Stack>
            ) : (
              <Failure error={found.error} retry={() => void found.refetch()} />
            )}
          </div>
        ) : id !== undefined && !chat ? (
          <div className="measure" style={{ flex: 1, paddingBlock: 24 }} aria-busy aria-label={strings.loading}>
            <Skeleton h={44} w="50%" ml="auto" mb="xl" />
            <Skeleton h={16} mb="sm" />
            <Skeleton h={16} mb="sm" />
            <Skeleton h={16} w="70%" />
          </div>
        ) : (
          <Thread key={id ?? "new"} turns={turns} all={all} run={run} models={byId} pending={pending} editing={editing} setEditing={setEditing} acts={acts} />
        )}
        {unanswered && last ? (
          <Group className="measure" gap="sm" py={6} role="status">
            <Text size="sm" c="dimmed">
              {strings.chat.unanswered}
            </Text>
            <Button size="compact-sm" variant="default" onClick={() => void answer(id, last.id, modelId).catch(complain)}>
              {strings.chat.answerIt}
            </Button>
          </Group>
        ) : null}
        {found.error && !chat ? null : composer}
      </div>
      {looking ? (
        <Suspense fallback={null}>
          <Inspector looking={looking} onClose={() => setLooking(null)} settings={settings} onSettings={saveSettings} messages={all} />
        </Suspense>
      ) : null}
      {raw && id ? (
        <Suspense fallback={null}>
          <RawRequest conversation={id} message={raw} onClose={() => setRaw(null)} />
        </Suspense>
      ) : null}
      <ModelPicker
        opened={picking !== null}
        onClose={() => {
          setPicking(null);
          field.current?.focus();
        }}
        current={modelId}
        onPick={(chosen) => {
          if (picking?.answer) again(picking.answer, chosen.id);
          else chooseModel(chosen);
        }}
      />
    </div>
  );
}

function Welcome({ onText, local, admin }: { onText: (text: string) => void; local: string | null; admin: boolean }): ReactNode {
  return (
    <Stack style={{ flex: 1, minHeight: 0, overflowY: "auto", scrollbarGutter: "stable" }} align="center" justify="center" gap="xl" px="lg">
      <Title order={2} fz="xl" ta="center">
        {strings.chat.greeting}
      </Title>
      <Group justify="center" gap="sm" maw={620}>
        {strings.chat.suggestions.map((suggestion) => (
          <Button key={suggestion} variant="default" radius="xl" size="sm" fw={450} onClick={() => onText(suggestion)}>
            {suggestion}
          </Button>
        ))}
      </Group>
      {local && admin ? (
        <Stack align="center" gap="sm">
          <Text size="sm" c="dimmed" ta="center">
            {strings.chat.firstRun(local)}
          </Text>
          <Button component={Link} to="/settings" variant="light" size="sm" leftSection={<IconKey size={15} />}>
            {strings.chat.addProvider}
          </Button>
        </Stack>
      ) : null}
    </Stack>
  );
}

