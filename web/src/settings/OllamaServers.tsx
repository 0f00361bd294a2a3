// Ollama servers that could be on this machine: asked at the addresses that are known, found or not, used or not.
import { Badge, Button, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCircleCheck, IconCircleDashed, IconRefresh } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { api } from "../api/client";
import { keys } from "../api/queries";
import type { LocalServer, Page } from "../api/types";
import { complain } from "../components/ChatMenu";
import { Failure } from "../components/Failure";
import { strings } from "../i18n/strings";

export function OllamaServers(): ReactNode {
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ["local-servers"],
    queryFn: ({ signal }) => api.get<Page<LocalServer>>("/api/local/servers", signal),
  });
  return (
    <section aria-labelledby="ollama-title">
      <Group justify="space-between" mb="sm">
        <Title order={2} fz="lg" id="ollama-title">
          {strings.ollama.title}
        </Title>
        <Button size="xs" variant="default" leftSection={<IconRefresh size={14} />} loading={isFetching && data !== undefined} onClick={() => void refetch()}>
          {strings.ollama.again}
        </Button>
      </Group>
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {!data && !error ? <Skeleton h={80} /> : null}
      <Stack gap="md">
        {data?.items.map((server) => <Server key={server.provider} server={server} />)}
      </Stack>
    </section>
  );
}

function Server({ server }: { server: LocalServer }): ReactNode {
  const queries = useQueryClient();
  const path = `/api/settings/${encodeURIComponent(`providers.${server.provider}.base_url`)}`;
  const change = useMutation({
    mutationFn: (use: boolean) => (use ? api.put(path, { value: server.base_url }) : api.delete(path)),
    onSuccess: (_, use) => {
      if (use) notifications.show({ message: strings.ollama.nowUsed });
      for (const key of [["local-servers"], keys.models, keys.providers]) void queries.invalidateQueries({ queryKey: key });
    },
    onError: complain,
  });
  const Icon = server.found ? IconCircleCheck : IconCircleDashed;
  return (
    <Paper withBorder p="lg" component="section" aria-label={server.name}>
      <Group justify="space-between" gap="md">
        <div style={{ flex: "1 1 220px", minWidth: 0 }}>
          <Text fw={600} component="div">
            {server.name}{" "}
            {server.used ? (
              <Badge variant="outline" tt="none" fw={500} ml={4}>
                {strings.ollama.used}
              </Badge>
            ) : null}
          </Text>
          <Text size="sm" c={server.found ? undefined : "dimmed"} style={{ overflowWrap: "anywhere" }}>
            <Icon size={14} aria-hidden style={{ verticalAlign: "-2px" }} /> {server.found ? strings.ollama.found(server.address) : strings.ollama.notFound(server.address)}
            {server.found ? ` · ${strings.ollama.models(server.models.length)}` : ""}
          </Text>
          <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {server.found ? server.models.join(", ") : strings.ollama.start}
          </Text>
        </div>
        {server.used && !server.editable ? (
          <Text size="xs" c="dimmed">
            {strings.ollama.fixed}
          </Text>
        ) : server.used ? (
          <Button size="xs" variant="default" loading={change.isPending} onClick={() => change.mutate(false)}>
            {strings.ollama.leave}
          </Button>
        ) : server.found ? (
          <Button size="xs" loading={change.isPending} onClick={() => change.mutate(true)}>
            {strings.ollama.use}
          </Button>
        ) : null}
      </Group>
    </Paper>
  );
}
