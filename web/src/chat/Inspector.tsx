// Beside the chat: its settings, or everything that is known of one answer.
import { ActionIcon, Code, Drawer, Group, ScrollArea, Stack, Text, Title } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { type ReactNode, useEffect, useMemo, useRef } from "react";

import type { ChatSettings, Message } from "../api/types";
import { Figure } from "../components/Figure";
import { useFrame } from "../components/Shell";
import { count, money, seconds } from "../format";
import { strings } from "../i18n/strings";
import { ChatSettingsPanel } from "./ChatSettingsPanel";
import { costOf, totalsOf } from "./totals";

function Pair({ name, value }: { name: string; value: string }): ReactNode {
  return (
    <div className="pair">
      <span>{name}</span>
      <Figure value={value} />
    </div>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <section>
      <Title order={3} fz="sm" mb={4}>
        {title}
      </Title>
      {children}
    </section>
  );
}

export function MessageDetails({ message }: { message: Message }): ReactNode {
  const { answer } = message;
  return (
    <Stack gap="lg">
      {answer ? (
        <>
          <Section title={answer.model}>
            <Pair name={strings.inspector.cost} value={money(answer.cost)} />
            <Pair name={strings.inspector.finish} value={answer.finish ?? strings.unknown} />
            {answer.request_id ? <Pair name={strings.inspector.request} value={answer.request_id} /> : null}
          </Section>
          <Section title={strings.inspector.timing}>
            <Pair name={strings.inspector.when} value={new Date(message.created).toLocaleString()} />
            <Pair name={strings.inspector.firstToken} value={seconds(answer.first_seconds)} />
            <Pair name={strings.inspector.whole} value={seconds(answer.seconds)} />
            <Pair
              name={strings.inspector.speed}
              value={answer.tokens_per_second === null ? strings.unknown : strings.chat.speed(count(Math.round(answer.tokens_per_second)))}
            />
          </Section>
          <Section title={strings.inspector.usage}>
            <Pair name={strings.inspector.input} value={count(answer.usage?.input_tokens)} />
            {answer.usage?.cache_read ? <Pair name={strings.inspector.cacheRead} value={count(answer.usage.cache_read)} /> : null}
            <Pair name={strings.inspector.output} value={count(answer.usage?.output_tokens)} />
            {answer.usage?.reasoning ? <Pair name={strings.inspector.reasoning} value={count(answer.usage.reasoning)} /> : null}
          </Section>
          <Section title={strings.inspector.attempts}>
            {answer.attempts.map((attempt, at) => (
              <div className="pair" key={at}>
                <span>
                  {at + 1}. {attempt.target}
                </span>
                <span className="figure">
                  {attempt.error ?? attempt.status ?? ""} · {seconds(attempt.seconds)}
                </span>
              </div>
            ))}
          </Section>
          <Section title={strings.inspector.losses}>
            {answer.losses.length === 0 ? (
              <Text size="sm" c="dimmed">
                {strings.inspector.noLosses}
              </Text>
            ) : (
              answer.losses.map((loss, at) => (
                <Text size="sm" key={at} mb={4}>
                  <Code>{loss.field}</Code> {loss.reason}
                </Text>
              ))
            )}
          </Section>
        </>
      ) : null}
      <Section title={strings.inspector.raw}>
        <Code block style={{ maxHeight: 360, overflow: "auto", fontSize: 12 }} tabIndex={0}>
          {JSON.stringify(message.parts, (key, value: unknown) => (key === "content" && typeof value === "string" && value.length > 200 ? `${value.slice(0, 80)}…` : value), 2)}
        </Code>
      </Section>
    </Stack>
  );
}

function ThisChat({ settings, onSettings, messages }: { settings: ChatSettings; onSettings: (next: ChatSettings) => void; messages: Message[] }): ReactNode {
  const totals = useMemo(() => totalsOf(messages), [messages]);
  const tokens = (value: number): string => (totals.uncounted === totals.answers ? strings.unknown : `${totals.uncounted > 0 ? "≥ " : ""}${count(value)}`);
  return (
    <Stack gap="xl">
      {totals.answers > 0 ? (
        <Section title={strings.inspector.soFar}>
          <Pair name={strings.inspector.answers} value={count(totals.answers)} />
          <Pair name={strings.usage.tokensIn} value={tokens(totals.input)} />
          <Pair name={strings.usage.tokensOut} value={tokens(totals.output)} />
          <Pair name={strings.inspector.cost} value={costOf(totals)} />
        </Section>
      ) : null}
      <ChatSettingsPanel settings={settings} onChange={onSettings} />
    </Stack>
  );
}

export type Looking = { what: "chat" } | { what: "message"; message: Message };

export function Inspector({
  looking,
  onClose,
  settings,
  onSettings,
  messages,
}: {
  looking: Looking;
  messages: Message[];
  onClose: () => void;
  settings: ChatSettings;
  onSettings: (next: ChatSettings) => void;
}): ReactNode {
  const { narrow } = useFrame();
  const panel = useRef<HTMLElement>(null);
  // Whoever opens it by keyboard is in it, closes it with Esc, and is back where they were.
  useEffect(() => {
    const before = document.activeElement;
    panel.current?.focus();
    return () => {
      if (document.activeElement === document.body && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const title = looking.what === "chat" ? strings.inspector.chat : strings.inspector.message;
  const body = looking.what === "chat" ? <ThisChat settings={settings} onSettings={onSettings} messages={messages} /> : <MessageDetails message={looking.message} />;
  if (narrow) {
    return (
      <Drawer opened onClose={onClose} position="bottom" size="80dvh" title={title} scrollAreaComponent={ScrollArea.Autosize}>
        {body}
      </Drawer>
    );
  }
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      className="inspector"
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.preventDefault();
        onClose();
      }}
    >
      <Group justify="space-between" mb="lg">
        <Title order={2} fz="md">
          {title}
        </Title>
        <ActionIcon variant="subtle" color="gray" onClick={onClose} aria-label={strings.close}>
          <IconX size={18} />
        </ActionIcon>
      </Group>
      {body}
    </aside>
  );
}
