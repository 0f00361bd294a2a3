// The request behind an answer: as canonical values, as its host is sent it, and as each dialect's client would ask it.
import { Button, Code, CopyButton, Group, Modal, Select, Skeleton, Stack, Text } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { api, at } from "../api/client";
import { conversationPath } from "../api/queries";
import type { LossInfo } from "../api/types";
import { Failure } from "../components/Failure";
import { strings } from "../i18n/strings";
import { curl, shortened } from "./raw";

export interface RawRequestInfo {
  form: string;
  forms: string[];
  target: string | null;
  method: string | null;
  url: string | null;
  headers: [string, string][];
  body: unknown;
  losses: LossInfo[];
  settings: "kept" | "now";
  error: { code: string; message: string; remedy: string | null } | null;
}

function Copy({ value, label }: { value: string; label: string }): ReactNode {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Button size="xs" variant="default" onClick={copy} leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />}>
          {copied ? strings.copied : label}
        </Button>
      )}
    </CopyButton>
  );
}

function Shown({ info }: { info: RawRequestInfo }): ReactNode {
  if (info.error) return <Failure error={new Error([info.error.message, info.error.remedy].filter(Boolean).join(" "))} />;
  const body = JSON.stringify(info.body, null, 2);
  const head = info.url === null ? "" : [`${info.method} ${info.url}`, ...info.headers.map(([name, value]) => `${name}: ${value}`)].join("\n");
  return (
    <>
      {info.target ? (
        <Text size="sm" c="dimmed">
          {strings.raw.to(info.target)}
        </Text>
      ) : null}
      {head ? (
        <Code block className="raw" tabIndex={0} aria-label={strings.raw.head} role="region">
          {head}
        </Code>
      ) : null}
      <Code block className="raw" style={{ maxHeight: "46dvh" }} tabIndex={0} aria-label={strings.raw.body} role="region">
        {shortened(info.body)}
      </Code>
      {info.losses.length > 0 ? (
        <div>
          <Text size="sm" fw={500}>
            {strings.inspector.losses}
          </Text>
          {info.losses.map((loss, index) => (
            <Text size="sm" key={index}>
              <Code>{loss.field}</Code> {loss.reason}
            </Text>
          ))}
        </div>
      ) : null}
      <Group justify="space-between" gap="sm">
        <Text size="xs" c="dimmed" style={{ flex: "1 1 240px" }}>
          {strings.raw.notes[info.settings]}
        </Text>
        <Group gap="sm">
          {info.url === null ? null : <Copy value={curl(info, location.origin)} label={strings.raw.copyCurl} />}
          <Copy value={body} label={strings.raw.copyBody} />
        </Group>
      </Group>
    </>
  );
}

export function RawRequest({ conversation, message, onClose }: { conversation: string; message: string; onClose: () => void }): ReactNode {
  const [form, setForm] = useState("sent");
  const { data, error, refetch } = useQuery({
    queryKey: ["raw-request", conversation, message, form],
    queryFn: ({ signal }) => api.get<RawRequestInfo>(at(`${conversationPath(conversation)}/messages/${encodeURIComponent(message)}/request`, { form }), signal),
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
  return (
    <Modal opened onClose={onClose} title={strings.raw.title} size="xl">
      <Stack gap="md">
        <Select
          label={strings.raw.form}
          allowDeselect={false}
          value={form}
          onChange={(value) => value && setForm(value)}
          data={(data?.forms ?? [form]).map((value) => ({ value, label: strings.raw.forms[value] ?? strings.raw.asClient(value) }))}
          data-autofocus
        />
        {error ? <Failure error={error} retry={() => void refetch()} /> : data ? <Shown info={data} /> : <Skeleton h={240} />}
      </Stack>
    </Modal>
  );
}
