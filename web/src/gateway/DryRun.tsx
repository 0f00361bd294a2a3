// Where a request would go and what would become of it there; nothing is sent.
import { Autocomplete, Badge, Button, Code, Group, Paper, Stack, Text } from "@mantine/core";
import { IconArrowRight, IconCircleCheck, IconCircleX, IconHourglass, IconPlayerPlay } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { api } from "../api/client";
import { useModels } from "../api/queries";
import type { Explained } from "../api/types";
import { Failure } from "../components/Failure";
import { count, money, seconds } from "../format";
import { strings } from "../i18n/strings";

export function DryRun(): ReactNode {
  const models = useModels();
  const [model, setModel] = useState("");
  const ask = useMutation({
    mutationFn: () => api.post<Explained>("/api/explain", { model, messages: [{ role: "user", content: "Hello" }] }),
  });
  return (
    <Paper withBorder p="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          ask.mutate();
        }}
      >
        <Group align="end" gap="sm">
          <Autocomplete
            label={strings.gateway.columns.model}
            placeholder={strings.gateway.dryRunHolder}
            description={strings.gateway.dryRunHint}
            value={model}
            onChange={setModel}
            data={(models.data?.items ?? []).map((one) => one.id)}
            limit={30}
            style={{ flex: "1 1 240px" }}
          />
          <Button type="submit" variant="default" leftSection={<IconPlayerPlay size={15} />} disabled={!model} loading={ask.isPending}>
            {strings.gateway.dryRun}
          </Button>
        </Group>
      </form>
      {ask.error ? <Failure error={ask.error} /> : null}
      {ask.data ? <Found said={ask.data} /> : null}
    </Paper>
  );
}

function Found({ said }: { said: Explained }): ReactNode {
  return (
    <Stack gap="md" mt="lg" role="status" aria-label={strings.gateway.dryRun}>
      {said.targets.map((one, at) => (
        <Target key={`${one.target}-${at}`} one={one} at={at} />
      ))}
      {Object.entries(said.fallbacks).map(([code, targets]) => (
        <Text size="sm" key={code} c="dimmed">
          {strings.dry.fallback(strings.fallback.errors[code] ?? code, targets.join(", "))}
        </Text>
      ))}
      <Text size="xs" c="dimmed">
        {strings.dry.bounds(said.attempts, said.timeout === null ? null : seconds(said.timeout))} {said.failover ? "" : strings.dry.noFailover}
      </Text>
      <details>
        <summary style={{ fontSize: 12, cursor: "pointer" }}>{strings.dry.raw}</summary>
        <Code block mt="sm" style={{ maxHeight: 360, overflow: "auto" }} tabIndex={0}>
          {JSON.stringify(said, null, 2)}
        </Code>
      </details>
    </Stack>
  );
}

function Target({ one, at }: { one: Explained["targets"][number]; at: number }): ReactNode {
  const { estimate } = one;
  const [Icon, state] = !one.callable ? ([IconCircleX, strings.dry.cannot] as const) : one.rests ? ([IconHourglass, strings.dry.rests] as const) : ([IconCircleCheck, strings.dry.ready] as const);
  return (
    <section className="kept" aria-label={one.target}>
      <Group gap="sm">
        <Text size="xs" c="dimmed">
          {at === 0 ? strings.dry.first : strings.dry.next(at + 1)}
        </Text>
        <Text fw={600} size="sm" style={{ overflowWrap: "anywhere" }}>
          {one.target}
        </Text>
        <Badge variant="outline" color={one.callable ? (one.rests ? "gray" : "ink") : "red"} tt="none" fw={500} leftSection={<Icon size={12} aria-hidden />}>
          {state}
        </Badge>
      </Group>
      <Text size="sm" c="dimmed">
        {one.why}
      </Text>
      <Text size="xs" c="dimmed" className="figure">
        {one.dialect} <IconArrowRight size={11} aria-hidden style={{ verticalAlign: "-1px" }} /> {strings.gateway.lane[one.lane] ?? one.lane} ·{" "}
        {estimate.most_cost === null ? strings.dry.estimateOpen(count(estimate.input_tokens)) : strings.dry.estimate(count(estimate.input_tokens), money(estimate.least_cost), money(estimate.most_cost))}
      </Text>
      {one.rests ? <Text size="sm">{one.rests}</Text> : null}
      {one.error ? (
        <Text size="sm" c="red">
          {one.error.message} {one.error.remedy}
        </Text>
      ) : null}
      {one.losses.map((loss, index) => (
        <Text size="xs" key={index}>
          {strings.dry.losses}: {loss.field}, {loss.reason}
        </Text>
      ))}
    </section>
  );
}
