// Keys for clients of this gateway. A key is shown once, when it is made.
import { Alert, Button, Code, CopyButton, Group, NumberInput, Skeleton, Stack, Table, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { modals } from "@mantine/modals";
import { IconCheck, IconCopy, IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { api } from "../api/client";
import type { Page, VirtualKey } from "../api/types";
import { complain } from "../components/ChatMenu";
import { Failure } from "../components/Failure";
import { Empty } from "../components/Section";
import { count } from "../format";
import { strings } from "../i18n/strings";

type Made = VirtualKey & { key: string };

function show(made: Made): void {
  modals.open({
    title: made.name,
    closeOnClickOutside: false,
    children: (
      <Stack>
        <Alert variant="outline" color="yellow">
          {strings.gateway.shownOnce}
        </Alert>
        <Code block style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
          {made.key}
        </Code>
        <CopyButton value={made.key}>
          {({ copied, copy }) => (
            <Button onClick={copy} leftSection={copied ? <IconCheck size={15} /> : <IconCopy size={15} />}>
              {copied ? strings.copied : strings.copy}
            </Button>
          )}
        </CopyButton>
      </Stack>
    ),
  });
}

export function Keys(): ReactNode {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery({ queryKey: ["virtual-keys"], queryFn: ({ signal }) => api.get<Page<VirtualKey>>("/api/virtual-keys", signal) });
  const refresh = (): void => void queries.invalidateQueries({ queryKey: ["virtual-keys"] });
  const ask = (title: string, text: string, act: () => Promise<unknown>): void => {
    modals.openConfirmModal({
      title,
      children: <Text size="sm">{text}</Text>,
      labels: { confirm: title, cancel: strings.cancel },
      confirmProps: { color: "red" },
      onConfirm: () => void act().then(refresh, complain),
    });
  };
  const make = (): void => {
    modals.open({ title: strings.gateway.newKey, children: <KeyForm onMade={refresh} /> });
  };
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton h={200} />;
  const button = (
    <Button leftSection={<IconPlus size={15} />} onClick={make}>
      {strings.gateway.newKey}
    </Button>
  );
  if (data.items.length === 0) return <Empty action={button}>{strings.gateway.emptyKeys}</Empty>;
  const limit = (value: number | null): string => (value === null ? "" : count(value));
  return (
    <Stack gap="lg">
      <Group justify="flex-end">{button}</Group>
      <Table.ScrollContainer minWidth={780} type="native" className="cards-room">
        <Table className="figure cards" fz="sm" verticalSpacing={8}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{strings.gateway.keyName}</Table.Th>
              <Table.Th>{strings.gateway.keyTenant}</Table.Th>
              <Table.Th>{strings.gateway.keyModels}</Table.Th>
              <Table.Th ta="right">{strings.gateway.rpm}</Table.Th>
              <Table.Th ta="right">{strings.gateway.tpm}</Table.Th>
              <Table.Th>{strings.gateway.budget}</Table.Th>
              <Table.Th>{strings.gateway.expires}</Table.Th>
              <Table.Th />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {data.items.map((key) => (
              <Table.Tr key={`${key.name}-${key.tail}`}>
                <Table.Td data-wide>
                  <Text size="sm" fw={500}>
                    {key.name}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {key.tail ? `il-…${key.tail}` : ""}
                  </Text>
                </Table.Td>
                <Table.Td data-label={strings.gateway.keyTenant}>{key.tenant}</Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }} data-label={strings.gateway.keyModels}>
                  {key.models.join(", ")}
                </Table.Td>
                <Table.Td ta="right" data-label={key.rpm === null ? undefined : strings.gateway.rpm}>
                  {limit(key.rpm)}
                </Table.Td>
                <Table.Td ta="right" data-label={key.tpm === null ? undefined : strings.gateway.tpm}>
                  {limit(key.tpm)}
                </Table.Td>
                <Table.Td data-label={key.budget ? strings.gateway.budget : undefined}>{key.budget ?? ""}</Table.Td>
                <Table.Td data-label={strings.gateway.expires}>{key.expires ? new Date(key.expires).toLocaleDateString() : strings.gateway.never}</Table.Td>
                <Table.Td data-wide>
                  {key.source === "store" ? (
                    <Group gap={4} justify="flex-end" wrap="nowrap">
                      <Button
                        size="compact-xs"
                        variant="default"
                        onClick={() => ask(strings.gateway.rotate, strings.gateway.rotateSure(key.name), () => api.post<Made>(`/api/virtual-keys/${encodeURIComponent(key.name)}/rotate`).then(show))}
                      >
                        {strings.gateway.rotate}
                      </Button>
                      <Button size="compact-xs" variant="subtle" color="red" onClick={() => ask(strings.gateway.revoke, strings.gateway.revokeSure(key.name), () => api.delete(`/api/virtual-keys/${encodeURIComponent(key.name)}`))}>
                        {strings.gateway.revoke}
                      </Button>
                    </Group>
                  ) : (
                    <Text size="xs" c="dimmed" ta="right">
                      {strings.gateway.fromFile}
                    </Text>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}

function KeyForm({ onMade }: { onMade: () => void }): ReactNode {
  const form = useForm({
    initialValues: { name: "", tenant: "", models: "*", rpm: "" as number | "", tpm: "" as number | "", concurrency: "" as number | "", budget: "", expires: "" },
    validate: { name: (value) => (value.trim() ? null : strings.gateway.keyName) },
  });
  const make = useMutation({
    mutationFn: (values: typeof form.values) =>
      api.post<Made>("/api/virtual-keys", {
        name: values.name.trim(),
        ...(values.tenant.trim() ? { tenant: values.tenant.trim() } : {}),
        models: values.models.split(",").map((one) => one.trim()).filter(Boolean),
        rpm: values.rpm === "" ? null : values.rpm,
        tpm: values.tpm === "" ? null : values.tpm,
        concurrency: values.concurrency === "" ? null : values.concurrency,
        budget: values.budget.trim() || null,
        expires: values.expires ? new Date(values.expires).toISOString() : null,
      }),
    onSuccess: (made) => {
      modals.closeAll();
      onMade();
      show(made);
    },
  });
  const figure = { min: 1, allowDecimal: false, thousandSeparator: true, placeholder: strings.gateway.unlimited } as const;
  return (
    <form onSubmit={form.onSubmit((values) => make.mutate(values))}>
      <Stack>
        <TextInput label={strings.gateway.keyName} data-autofocus required {...form.getInputProps("name")} />
        <TextInput label={strings.gateway.keyTenant} description={strings.gateway.keyTenantHint} placeholder={form.values.name} {...form.getInputProps("tenant")} />
        <TextInput label={strings.gateway.keyModels} description={strings.gateway.keyModelsHint} {...form.getInputProps("models")} />
        <Group grow align="flex-end">
          <NumberInput label={strings.gateway.rpm} {...figure} {...form.getInputProps("rpm")} />
          <NumberInput label={strings.gateway.tpm} {...figure} {...form.getInputProps("tpm")} />
        </Group>
        <Group grow align="flex-end">
          <NumberInput label={strings.gateway.concurrency} {...figure} {...form.getInputProps("concurrency")} />
          <TextInput label={strings.gateway.budget} placeholder="5 USD / month" {...form.getInputProps("budget")} />
        </Group>
        <TextInput type="date" label={strings.gateway.expires} {...form.getInputProps("expires")} />
        {make.error ? <Failure error={make.error} /> : null}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => modals.closeAll()}>
            {strings.cancel}
          </Button>
          <Button type="submit" loading={make.isPending}>
            {strings.gateway.newKey}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
