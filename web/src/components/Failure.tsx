// What went wrong, whose fault it is, what to do, and the request's id to ask with.
import { ActionIcon, Alert, Button, CopyButton, Group, Text, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconCopy, IconRefresh } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { Problem } from "../api/client";
import type { ApiProblem } from "../api/types";
import { strings } from "../i18n/strings";

export function asInfo(error: unknown): ApiProblem {
  if (error instanceof Problem) return error.info;
  return {
    code: "page",
    message: error instanceof Error ? error.message : String(error),
    remedy: null,
    fault: "gateway",
    retryable: true,
    request_id: null,
  };
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }): ReactNode {
  return <FailureInfo info={asInfo(error)} {...(retry ? { retry } : {})} />;
}

export function FailureInfo({ info, retry, more }: { info: ApiProblem; retry?: () => void; more?: ReactNode }): ReactNode {
  return (
    <Alert
      variant="outline"
      color="red"
      icon={<IconAlertTriangle size={18} aria-hidden />}
      title={info.message.charAt(0).toUpperCase() + info.message.slice(1)}
      role="alert"
      my="sm"
    >
      {info.remedy ? <Text size="sm">{info.remedy}</Text> : null}
      <Group gap="sm" mt={6} align="center">
        <Text size="xs" c="dimmed">
          {strings.fault[info.fault] ?? ""}
        </Text>
        {info.request_id ? (
          <Group gap={2} wrap="nowrap">
            <Text size="xs" c="dimmed" ff="monospace" style={{ overflowWrap: "anywhere" }}>
              {info.request_id}
            </Text>
            <CopyButton value={info.request_id}>
              {({ copied, copy }) => (
                <Tooltip label={copied ? strings.copied : strings.copyRequestId}>
                  <ActionIcon size="sm" variant="subtle" color="gray" onClick={copy} aria-label={strings.copyRequestId}>
                    {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
                  </ActionIcon>
                </Tooltip>
              )}
            </CopyButton>
          </Group>
        ) : null}
        {retry ? (
          <Button size="compact-xs" variant="default" leftSection={<IconRefresh size={14} />} onClick={retry}>
            {strings.retry}
          </Button>
        ) : null}
        {more}
      </Group>
    </Alert>
  );
}
