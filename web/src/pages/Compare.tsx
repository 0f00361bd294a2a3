// One prompt, two to four models, live columns. Blind, they are shuffled and bear letters until one is chosen.
import { ActionIcon, Badge, Button, Group, Stack, Switch, Text, Textarea, Tooltip } from "@mantine/core";
import { IconArrowUp, IconPlayerStopFilled, IconPlus, IconX } from "@tabler/icons-react";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";

import { api } from "../api/client";
import { conversations, useModels } from "../api/queries";
import type { Message, Model, Part } from "../api/types";
import { ModelPicker } from "../chat/ModelPicker";
import { AnswerParts } from "../chat/Parts";
import { providerOf } from "../chat/models";
import { complain } from "../components/ChatMenu";
import { FailureInfo } from "../components/Failure";
import { Figure } from "../components/Figure";
import { Monogram } from "../components/Monogram";
import { Empty } from "../components/Section";
import { PageFrame } from "../components/TopBar";
import { count, money, seconds } from "../format";
import { strings } from "../i18n/strings";
import { Run, type Snapshot } from "../runs/run";
import { useSnapshot } from "../runs/runs";
import { means } from "../shortcuts/listen";
import { useSession } from "../state/session";

const MOST = 4;
const NO_ANSWERS = new Map<string, Part>();

interface Column {
  model: string;
  run: Run | null;
}

interface Figures {
  first: number | null;
  speed: number | null;
  tokens: number | null;
  cost: string | null;
}

function figuresOf(snapshot: Snapshot | null): Figures {
  const answer = snapshot?.final?.answer;
  if (answer) {
    return { first: answer.first_seconds, speed: answer.tokens_per_second, tokens: answer.usage?.output_tokens ?? null, cost: answer.cost };
  }
  return {
    first: snapshot?.first ? (snapshot.first - snapshot.began) / 1000 : null,
    speed: null,
    tokens: snapshot?.draft.usage?.output_tokens ?? snapshot?.usage?.output_tokens ?? null,
    cost: snapshot?.cost ?? null,
  };
}

function dismiss(runs: Run[]): void {
  for (const run of runs) {
    if (!run.over) run.abandon();
    run.leave();
  }
}

function shuffled<T>(items: T[]): T[] {
  const found = items.slice();
  for (let at = found.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    const kept = found[at] as T;
    found[at] = found[other] as T;
    found[other] = kept;
  }
  return found;
}

export function Compare(): ReactNode {
  const [query, setQuery] = useSearchParams();
  const { session } = useSession();
  const { data } = useModels();
  const go = useNavigate();
  const byId = useMemo(() => new Map((data?.items ?? []).map((model) => [model.id, model])), [data]);
  const chosen = useMemo(() => {
    const named = query.getAll("m").slice(0, MOST);
    return named.length > 0 ? named : session?.default_model ? [session.default_model] : [];
  }, [query, session]);
  const [columns, setColumns] = useState<Column[]>([]);
  const [asked, setAsked] = useState<Part[] | null>(null);
  const [text, setText] = useState("");
  const [picking, setPicking] = useState(false);
  const [blind, setBlind] = useState(false);
  const [hidden, setHidden] = useState(false);
  const [ended, setEnded] = useState<Record<string, Figures>>({});
  const field = useRef<HTMLTextAreaElement>(null);
  const running = useRef<Run[]>([]);

  // Nobody can come back to these answers, so they end when they are left: they would cost, and nobody read them.
  useEffect(() => {
    const end = (): void => {
      dismiss(running.current);
      running.current = [];
    };
    window.addEventListener("pagehide", end);
    return () => {
      window.removeEventListener("pagehide", end);
      end();
    };
  }, []);

  const choose = (models: string[]): void => {
    const next = new URLSearchParams(query);
    next.delete("m");
    for (const model of models) next.append("m", model);
    setQuery(next, { replace: true });
  };

  const ready = text.trim() !== "" && chosen.length > 1;
  const shown: Column[] = columns.length > 0 ? columns : chosen.map((model) => ({ model, run: null }));

  const ask = async (): Promise<void> => {
    const parts: Part[] = [{ type: "text", text: text.trim() }];
    dismiss(running.current);
    const mine: Run[] = [];
    running.current = mine;
    setEnded({});
    setHidden(blind);
    setAsked(parts);
    setText("");
    const order = blind ? shuffled(chosen) : chosen;
    const made = await Promise.all(
      order.map(async (model): Promise<Column> => {
        try {
          const started = await api.post<{ id: string; message: string | null }>("/api/runs", { model, messages: [{ role: "user", parts }] });
          const run = new Run({ ...started, conversation: null, model });
          mine.push(run);
          if (running.current !== mine) dismiss([run]); // it was left before it had begun
          void run.watch(() => setEnded((before) => ({ ...before, [model]: figuresOf(run.get()) })));
          return { model, run };
        } catch (error) {
          complain(error);
          return { model, run: null };
        }
      }),
    );
    if (running.current === mine) setColumns(made);
  };

  const stopAll = (): void => {
    for (const run of running.current) if (!run.over) run.stop().catch(complain);
  };

  const goOn = async (column: Column): Promise<void> => {
    const final = column.run?.get().final;
    if (!asked || !final) return;
    try {
      const made = await conversations.create({ settings: { model: column.model } });
      await api.post(`/api/conversations/${encodeURIComponent(made.id)}/messages`, { parent: null, role: "user", parts: asked }).then((message) =>
        api.post(`/api/conversations/${encodeURIComponent(made.id)}/messages`, { parent: (message as Message).id, role: "assistant", parts: final.parts, answer: final.answer }),
      );
      void go(`/c/${made.id}`);
    } catch (error) {
      complain(error);
    }
  };

  const best = useMemo(() => {
    const found: Record<string, string[]> = {};
    const rank = (word: string, of: (figures: Figures) => number | null, low: boolean): void => {
      let winner: string | null = null;
      let most = 0;
      let several = 0;
      for (const [model, figures] of Object.entries(ended)) {
        const value = of(figures);
        if (value === null) continue;
        several += 1;
        if (winner === null || (low ? value < most : value > most)) {
          winner = model;
          most = value;
        }
      }
      if (winner !== null && several > 1) (found[winner] ??= []).push(word);
    };
    rank(strings.compare.fastest, (figures) => figures.first, true);
    rank(strings.compare.quickest, (figures) => figures.speed, false);
    rank(strings.compare.cheapest, (figures) => (figures.cost === null ? null : Number(figures.cost)), true);
    return found;
  }, [ended]);
  const allEnded = columns.length > 0 && columns.every((column) => column.run === null || ended[column.model]);

  return (
    <PageFrame
      title={strings.nav.compare}
      bar={
        <Group gap="sm">
          <Switch size="sm" label={strings.compare.blind} title={strings.compare.blindWhy} checked={blind} onChange={(event) => setBlind(event.currentTarget.checked)} />
          {hidden ? (
            <Button size="xs" variant="default" onClick={() => setHidden(false)}>
              {strings.compare.reveal}
            </Button>
          ) : null}
        </Group>
      }
    >
      <Stack gap="lg">
        <Group gap="sm">
          {chosen.map((model) => (
            <Badge
              key={model}
              variant="default"
              tt="none"
              size="lg"
              fw={500}
              leftSection={<Monogram name={byId.get(model)?.provider ?? providerOf(model)} size={16} />}
              rightSection={
                <ActionIcon size="xs" variant="transparent" color="gray" aria-label={strings.compare.removeModel(model)} onClick={() => choose(chosen.filter((one) => one !== model))}>
                  <IconX size={12} />
                </ActionIcon>
              }
            >
              {byId.get(model)?.name ?? model}
            </Badge>
          ))}
          {chosen.length < MOST ? (
            <Button size="compact-sm" variant="default" leftSection={<IconPlus size={14} />} onClick={() => setPicking(true)}>
              {strings.compare.add}
            </Button>
          ) : null}
        </Group>
        <form
          className="composer"
          onSubmit={(event) => {
            event.preventDefault();
            if (ready) void ask();
          }}
        >
          <Textarea
            ref={field}
            variant="unstyled"
            autosize
            minRows={2}
            maxRows={10}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            placeholder={strings.compare.placeholder}
            aria-label={strings.compare.placeholder}
            onKeyDown={(event) => {
              if (!event.nativeEvent.isComposing && means(event.nativeEvent, "send")) {
                event.preventDefault();
                event.currentTarget.form?.requestSubmit();
              }
            }}
          />
          <Group justify="flex-end" gap="sm">
            {chosen.length < 2 ? (
              <Text size="sm" c="dimmed" style={{ flex: 1 }} px="sm">
                {strings.compare.atLeastTwo}
              </Text>
            ) : null}
            {columns.length > 0 && !allEnded ? (
              <Button size="xs" variant="default" leftSection={<IconPlayerStopFilled size={13} />} onClick={stopAll}>
                {strings.compare.stopAll}
              </Button>
            ) : null}
            <ActionIcon type="submit" size="lg" radius="xl" aria-label={strings.chat.send} disabled={!ready}>
              <IconArrowUp size={18} />
            </ActionIcon>
          </Group>
        </form>
        {asked ? <Text className="plate" style={{ alignSelf: "flex-end" }}>{asked[0]?.text}</Text> : <Empty>{strings.compare.empty}</Empty>}
        <div style={{ display: "grid", gap: 16, gridTemplateColumns: `repeat(auto-fit, minmax(min(100%, 300px), 1fr))` }}>
          {asked
            ? shown.map((column, at) => (
                <ColumnView
                  key={`${column.model}-${at}`}
                  column={column}
                  name={hidden ? strings.compare.letter(at) : (byId.get(column.model)?.name ?? column.model)}
                  model={hidden ? undefined : byId.get(column.model)}
                  best={best[column.model] ?? []}
                  onContinue={() => void goOn(column)}
                />
              ))
            : null}
        </div>
      </Stack>
      <ModelPicker opened={picking} onClose={() => setPicking(false)} current="" onPick={(model) => choose([...new Set([...chosen, model.id])].slice(0, MOST))} />
    </PageFrame>
  );
}

function Answering({ run, snapshot }: { run: Run; snapshot: Snapshot }): ReactNode {
  const { parts } = snapshot.draft;
  const going = !run.over;
  return (
    <article className="turn" data-last aria-busy={going}>
      <div className="answer">
        <AnswerParts parts={parts} answers={NO_ANSWERS} live={{ run, snapshot }} />
        {going && parts.length === 0 ? (
          <span className="waiting" role="img" aria-label={strings.chat.waiting}>
            <i />
            <i />
            <i />
          </span>
        ) : null}
      </div>
      {snapshot.error ? <FailureInfo info={snapshot.error} /> : null}
    </article>
  );
}

function ColumnView({ column, name, model, best, onContinue }: { column: Column; name: string; model: Model | undefined; best: string[]; onContinue: () => void }): ReactNode {
  const snapshot = useSnapshot(column.run ?? undefined);
  const figures = figuresOf(snapshot);
  const going = column.run !== null && !column.run.over;
  const pair = (label: string, value: string): ReactNode => (
    <span className="state" key={label}>
      {label} <Figure value={value} />
    </span>
  );
  return (
    <section aria-label={name} style={{ border: "1px solid var(--hairline)", borderRadius: 12, minWidth: 0, display: "flex", flexDirection: "column" }}>
      <Group gap="sm" px="md" py="sm" wrap="nowrap" style={{ borderBottom: "1px solid var(--hairline)" }}>
        <Monogram name={model?.provider ?? providerOf(name)} />
        <Text fw={600} truncate style={{ flex: 1 }}>
          {name}
        </Text>
        {going ? (
          <Tooltip label={strings.chat.stop}>
            <ActionIcon variant="subtle" color="gray" aria-label={`${strings.chat.stop}: ${name}`} onClick={() => void column.run?.stop().catch(complain)}>
              <IconPlayerStopFilled size={14} />
            </ActionIcon>
          </Tooltip>
        ) : null}
      </Group>
      <Group gap="md" px="md" py={6} style={{ borderBottom: "1px solid var(--hairline)" }}>
        {pair(strings.compare.first, seconds(figures.first))}
        {figures.speed === null ? null : pair(strings.compare.speed, strings.chat.speed(count(Math.round(figures.speed))))}
        {pair(strings.compare.tokens, count(figures.tokens))}
        {pair(strings.compare.cost, going ? "…" : money(figures.cost))}
        {best.map((word) => (
          <Badge key={word} size="sm" variant="light" tt="none">
            {word}
          </Badge>
        ))}
      </Group>
      <div style={{ padding: "0 16px", flex: 1, minHeight: 80 }}>{column.run && snapshot ? <Answering run={column.run} snapshot={snapshot} /> : null}</div>
      {snapshot?.final && snapshot.final.parts.length > 0 ? (
        <Button variant="subtle" m="sm" onClick={onContinue}>
          {strings.compare.continue}
        </Button>
      ) : null}
    </section>
  );
}
