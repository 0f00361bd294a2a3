// What was asked and answered in a call, in canonical form, where the administrator lets it be kept.
import { Button, Code, CopyButton, Group, SegmentedControl, Skeleton, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCheck, IconCopy, IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { api } from "../api/client";
import type { KeptContent, KeptMessage, Part } from "../api/types";
import { complain } from "../components/ChatMenu";
import { Failure } from "../components/Failure";
import { ago } from "../format";
import { strings } from "../i18n/strings";

const pathOf = (id: string): string => `/api/requests/${encodeURIComponent(id)}/content`;

export function Content({ id }: { id: string }): ReactNode {
  const queries = useQueryClient();
  const [as, setAs] = useState("readable");
  const { data, error, refetch } = useQuery({ queryKey: ["content", id], queryFn: ({ signal }) => api.get<KeptContent>(pathOf(id), signal) });
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton h={60} />;
  if (!data.kept) return <Text size="sm" c="dimmed">{data.why === "gone" ? strings.request.gone : strings.request.off}</Text>;
  const forget = (): void => {
    void api.delete(pathOf(id)).then(() => {
      notifications.show({ message: strings.request.forgotten });
      void queries.invalidateQueries({ queryKey: ["content", id] });
    }, complain);
  };
  const text = JSON.stringify({ request: data.request, response: data.response, error: data.error }, null, 2);
  return (
    <>
      <Group gap="sm" mb="sm">
        <SegmentedControl size="xs" aria-label={strings.request.content} value={as} onChange={setAs} data={[{ value: "readable", label: strings.request.readable }, { value: "json", label: strings.request.json }]} />
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button size="xs" variant="default" onClick={copy} leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />}>
              {copied ? strings.copied : strings.copy}
            </Button>
          )}
        </CopyButton>
        <Button size="xs" variant="subtle" color="red" onClick={forget} leftSection={<IconTrash size={14} />}>
          {strings.request.forget}
        </Button>
      </Group>
      {as === "json" ? (
        <Code block tabIndex={0} className="kept-json">
          {text}
        </Code>
      ) : (
        <Readable content={data} />
      )}
      <Text size="xs" c="dimmed" mt="sm">
        {data.created ? strings.request.keptWhen(ago(data.created)) : ""}
        {data.shortened ? ` · ${strings.request.shortened}` : ""}
      </Text>
    </>
  );
}

function Readable({ content }: { content: KeptContent }): ReactNode {
  const { request, response } = content;
  const answers = response?.choices ?? [];
  return (
    <>
      <Text size="xs" c="dimmed" component="h4" fw={600} mb={4}>
        {strings.request.request}
        {request?.tools?.length ? ` · ${strings.request.tools(request.tools.length)}` : ""}
      </Text>
      {request?.messages?.map((message, at) => <Message key={at} message={message} />) ?? <Raw text={request?.raw} />}
      <Text size="xs" c="dimmed" component="h4" fw={600} mt="md" mb={4}>
        {strings.request.response}
      </Text>
      {answers.length > 0 ? answers.map((one, at) => <Message key={at} message={one.message} />) : response?.raw ? <Raw text={response.raw} /> : <Text size="sm" c="dimmed">{content.error ?? strings.request.nothing}</Text>}
    </>
  );
}

function Raw({ text }: { text: string | undefined }): ReactNode {
  return (
    <>
      <Text size="xs" c="dimmed">
        {strings.request.cannotRead}
      </Text>
      <Code block className="kept-json" tabIndex={0}>
        {text ?? ""}
      </Code>
    </>
  );
}

function Message({ message }: { message: KeptMessage | string }): ReactNode {
  // What was left out between two messages stands there as a text.
  if (typeof message === "string") return <Text size="sm" c="dimmed">{message}</Text>;
  return (
    <div className="kept">
      <Text size="xs" c="dimmed">
        {message.role}
      </Text>
      {message.parts.map((part, at) => (
        <pre key={at} data-quiet={part.type === "text" ? undefined : true}>
          {shown(part)}
        </pre>
      ))}
    </div>
  );
}

function shown(part: Part): string {
  if (part.type === "text" || part.type === "refusal") return part.text ?? "";
  if (part.type === "reasoning") return `${strings.chat.thoughtPlain}: ${part.text ?? ""}`;
  if (part.type === "tool_call") return `${part.name ?? ""}(${part.raw ?? ""})`;
  if (part.type === "tool_call_response") return (part.response ?? []).map(shown).join("\n");
  return [part.type, part.modality, part.mime_type, part.content ?? part.uri].filter(Boolean).join(" · ");
}
