// Aliases: one name for several models, how one is picked, and what steps in when it fails.
import { ActionIcon, Autocomplete, Badge, Button, Group, NumberInput, Paper, Select, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { modals } from "@mantine/modals";
import { IconArrowDown, IconArrowUp, IconPencil, IconPlus, IconTrash, IconX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";

import { api } from "../api/client";
import { keys, useModels } from "../api/queries";
import type { Page, Route } from "../api/types";
import { complain } from "../components/ChatMenu";
import { Failure } from "../components/Failure";
import { Empty } from "../components/Section";
import { strings } from "../i18n/strings";
import { DryRun } from "./DryRun";
import { asRows, asTable, Fallbacks } from "./Fallbacks";

type Found = Page<Route> & { errors: string[] };

export function Routes(): ReactNode {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery({ queryKey: ["routes"], queryFn: ({ signal }) => api.get<Found>("/api/routes", signal) });
  const refresh = (): void => {
    void queries.invalidateQueries({ queryKey: ["routes"] });
    void queries.invalidateQueries({ queryKey: keys.models });
  };
  const edit = (route: Route | null): void => {
    modals.open({ title: route ? strings.gateway.editRoute : strings.gateway.newRoute, size: "lg", children: <RouteForm route={route} codes={data?.errors ?? []} onDone={refresh} /> });
  };
  const remove = (route: Route): void => {
    modals.openConfirmModal({
      title: route.name,
      children: <Text size="sm">{strings.gateway.deleteRoute(route.name)}</Text>,
      labels: { confirm: strings.delete, cancel: strings.cancel },
      confirmProps: { color: "red" },
      onConfirm: () => void api.delete(`/api/routes/${encodeURIComponent(route.name)}`).then(refresh, complain),
    });
  };
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton h={200} />;
  const button = (
    <Button leftSection={<IconPlus size={15} />} onClick={() => edit(null)}>
      {strings.gateway.newRoute}
    </Button>
  );
  return (
    <Stack gap="lg">
      <DryRun />
      {data.items.length === 0 ? (
        <Empty action={button}>{strings.gateway.emptyRoutes}</Empty>
      ) : (
        <>
          <Group justify="flex-end">{button}</Group>
          {data.items.map((route) => (
            <Paper withBorder p="lg" key={route.name} component="section" aria-label={route.name}>
              <Group justify="space-between" gap="4px 16px" wrap={route.editable ? "nowrap" : "wrap"} mb="sm">
                <Text fw={600} ff="monospace" style={{ overflowWrap: "anywhere", minWidth: 0 }}>
                  {route.name}
                </Text>
                {route.editable ? (
                  <Group gap={2} wrap="nowrap">
                    <ActionIcon variant="subtle" color="gray" aria-label={`${strings.edit}: ${route.name}`} onClick={() => edit(route)}>
                      <IconPencil size={16} />
                    </ActionIcon>
                    <ActionIcon variant="subtle" color="red" aria-label={`${strings.delete}: ${route.name}`} onClick={() => remove(route)}>
                      <IconTrash size={16} />
                    </ActionIcon>
                  </Group>
                ) : (
                  <Text size="xs" c="dimmed">
                    {strings.gateway.fromFile}
                  </Text>
                )}
              </Group>
              {route.targets.length > 1 ? (
                <Text size="sm" c="dimmed" mb="sm">
                  {strings.gateway.strategies[route.strategy] ?? route.strategy}
                </Text>
              ) : null}
              <Group gap="sm">
                {route.targets.map((target, at) => {
                  const breaker = route.state.find((one) => one.target === target.target)?.breaker;
                  return (
                    <Badge key={`${target.target}-${at}`} variant="default" tt="none" fw={500} size="lg">
                      {route.targets.length > 1 ? `${at + 1}. ` : ""}
                      {target.target}
                      {target.weight ? ` × ${target.weight}` : ""}
                      {breaker && breaker !== "closed" ? ` · ${strings.gateway.breaker[breaker] ?? breaker}` : ""}
                    </Badge>
                  );
                })}
              </Group>
              {Object.entries(route.fallbacks).map(([code, targets]) => (
                <Text size="sm" key={code} mt="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                  {strings.fallback.errors[code] ?? code} → {targets.join(", ")}
                </Text>
              ))}
            </Paper>
          ))}
        </>
      )}
    </Stack>
  );
}

function RouteForm({ route, codes, onDone }: { route: Route | null; codes: string[]; onDone: () => void }): ReactNode {
  const models = useModels();
  const [name, setName] = useState(route?.name ?? "");
  const [strategy, setStrategy] = useState(route?.strategy ?? "ordered");
  const [targets, setTargets] = useState<{ target: string; weight: number | null }[]>(route?.targets.map((one) => ({ target: one.target, weight: one.weight ?? null })) ?? [{ target: "", weight: null }]);
  const [fallbacks, setFallbacks] = useState(asRows(route?.fallbacks ?? {}));
  const known = (models.data?.items ?? []).map((model) => model.id);
  const save = useMutation({
    mutationFn: () =>
      api.put(`/api/routes/${encodeURIComponent(name.trim())}`, {
        targets: targets.filter((one) => one.target.trim()).map((one) => ({ target: one.target.trim(), ...(one.weight === null ? {} : { weight: one.weight }) })),
        strategy,
        fallbacks: asTable(fallbacks),
      }),
    onSuccess: () => {
      modals.closeAll();
      onDone();
    },
  });
  const change = (at: number, what: Partial<{ target: string; weight: number | null }>): void => setTargets(targets.map((one, index) => (index === at ? { ...one, ...what } : one)));
  const move = (at: number, by: number): void => {
    const moved = [...targets];
    const [one] = moved.splice(at, 1);
    if (one) moved.splice(at + by, 0, one);
    setTargets(moved);
  };
  const weighs = strategy === "weighted" || strategy === "sticky";
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput label={strings.gateway.name} description={strings.gateway.nameHint} value={name} onChange={(event) => setName(event.currentTarget.value)} disabled={route !== null} required data-autofocus />
        <Select label={strings.gateway.strategy} value={strategy} onChange={(value) => setStrategy(value ?? "ordered")} allowDeselect={false} data={Object.entries(strings.gateway.strategies).map(([value, label]) => ({ value, label }))} />
        <Text size="sm" fw={500}>
          {strings.gateway.targets}
        </Text>
        <Text size="xs" c="dimmed" mt={-8}>
          {strings.gateway.targetsHint}
        </Text>
        {targets.map((one, at) => (
          <Group key={at} gap="sm" wrap="nowrap">
            <Autocomplete value={one.target} onChange={(target) => change(at, { target })} data={known} limit={30} aria-label={`${strings.gateway.targets} ${at + 1}`} style={{ flex: 1 }} />
            {weighs ? <NumberInput w={96} min={0} value={one.weight ?? 1} onChange={(value) => change(at, { weight: Number(value) })} aria-label={strings.gateway.weight} /> : null}
            {targets.length > 1 ? (
              <>
                <ActionIcon variant="subtle" color="gray" aria-label={strings.moveUp(at + 1)} disabled={at === 0} onClick={() => move(at, -1)}>
                  <IconArrowUp size={16} />
                </ActionIcon>
                <ActionIcon variant="subtle" color="gray" aria-label={strings.moveDown(at + 1)} disabled={at === targets.length - 1} onClick={() => move(at, 1)}>
                  <IconArrowDown size={16} />
                </ActionIcon>
              </>
            ) : null}
            <ActionIcon variant="subtle" color="gray" aria-label={`${strings.remove} ${at + 1}`} onClick={() => setTargets(targets.filter((_, index) => index !== at))}>
              <IconX size={16} />
            </ActionIcon>
          </Group>
        ))}
        <Button variant="default" size="xs" leftSection={<IconPlus size={14} />} style={{ alignSelf: "flex-start" }} onClick={() => setTargets([...targets, { target: "", weight: null }])}>
          {strings.gateway.addTarget}
        </Button>
        <Fallbacks rows={fallbacks} onChange={setFallbacks} codes={codes} models={known} />
        {save.error ? <Failure error={save.error} /> : null}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => modals.closeAll()}>
            {strings.cancel}
          </Button>
          <Button type="submit" loading={save.isPending} disabled={!name.trim() || targets.every((one) => !one.target.trim())}>
            {strings.save}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
