// Benchmarks: those of `il bench` and those that are started here, as they run and when they are over.
import { Badge, Button, Group, Modal, MultiSelect, NumberInput, Paper, Progress, Skeleton, Stack, Table, Text, Textarea } from "@mantine/core";
import { modals } from "@mantine/modals";
import { IconPlayerPlay, IconPlayerStop, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";

import { api } from "../api/client";
import { useModels } from "../api/queries";
import type { Benchmark, Model, Page } from "../api/types";
import { usable } from "../chat/models";
import { complain } from "../components/ChatMenu";
import { Failure } from "../components/Failure";
import { Figure } from "../components/Figure";
import { Empty, Section } from "../components/Section";
import { count, moment, money, seconds } from "../format";
import { strings } from "../i18n/strings";

const MOST_CALLS = 300;
const runs = (one: Benchmark): boolean => one.state === "running" || one.state === "stopping";

export function Benchmarks({ admin }: { admin: boolean }): ReactNode {
  const [making, setMaking] = useState(false);
  const { data, error, refetch } = useQuery({
    queryKey: ["benchmarks"],
    queryFn: ({ signal }) => api.get<Page<Benchmark>>("/api/benchmarks", signal),
    refetchInterval: (query) => (query.state.data?.items.some(runs) ? 1000 : false),
  });
  const button = admin ? (
    <Button size="xs" leftSection={<IconPlayerPlay size={14} />} onClick={() => setMaking(true)} disabled={data?.items.some(runs) ?? false}>
      {strings.bench.start}
    </Button>
  ) : null;
  return (
    <Section title={strings.bench.title} side={button}>
      <Text size="sm" c="dimmed" mt={-8} mb="md">
        {strings.bench.lead}
      </Text>
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {!data && !error ? <Skeleton h={120} /> : null}
      {data?.items.length === 0 ? <Empty>{strings.bench.empty}</Empty> : null}
      <Stack gap="md">
        {data?.items.map((one) => <Card key={one.id} one={one} admin={admin} />)}
      </Stack>
      <Modal opened={making} onClose={() => setMaking(false)} title={strings.bench.start} size="lg">
        <Form onDone={() => setMaking(false)} />
      </Modal>
    </Section>
  );
}

function Card({ one, admin }: { one: Benchmark; admin: boolean }): ReactNode {
  const queries = useQueryClient();
  const refresh = (): void => void queries.invalidateQueries({ queryKey: ["benchmarks"] });
  const act = useMutation({
    mutationFn: (what: "stop" | "delete") => (what === "stop" ? api.post(`/api/benchmarks/${one.id}/stop`) : api.delete(`/api/benchmarks/${one.id}`)),
    onSuccess: refresh,
    onError: complain,
  });
  const remove = (): void => {
    modals.openConfirmModal({
      title: strings.bench.title,
      children: <Text size="sm">{strings.bench.deleteSure}</Text>,
      labels: { confirm: strings.delete, cancel: strings.cancel },
      confirmProps: { color: "red" },
      onConfirm: () => act.mutate("delete"),
    });
  };
  return (
    <Paper withBorder p="lg" component="section" aria-label={`${strings.bench.title}: ${moment(one.started)}`}>
      <Group gap="sm" mb="sm">
        <Text fw={600} size="sm">
          {moment(one.started)}
        </Text>
        <Badge variant="outline" tt="none" fw={500} color={one.state === "failed" || one.state === "lost" ? "red" : runs(one) ? "ink" : "gray"}>
          {strings.bench.states[one.state] ?? one.state}
        </Badge>
        <Text size="xs" c="dimmed" style={{ flex: "1 1 180px" }}>
          {strings.bench.setup(one.prompts, one.runs, one.at_once)} · {strings.bench.by[one.by] ?? one.by}
        </Text>
        {!admin ? null : runs(one) ? (
          <Button size="compact-xs" variant="default" leftSection={<IconPlayerStop size={13} />} onClick={() => act.mutate("stop")} disabled={one.state === "stopping"}>
            {strings.bench.stop}
          </Button>
        ) : (
          <Button size="compact-xs" variant="subtle" color="red" leftSection={<IconTrash size={13} />} onClick={remove}>
            {strings.bench.delete}
          </Button>
        )}
      </Group>
      {runs(one) ? (
        <Group gap="sm" mb="sm" wrap="nowrap">
          <Progress value={(one.done / Math.max(1, one.calls)) * 100} style={{ flex: 1 }} aria-label={strings.bench.progress(count(one.done), count(one.calls))} />
          <Text size="xs" c="dimmed" className="figure">
            {strings.bench.progress(count(one.done), count(one.calls))}
          </Text>
        </Group>
      ) : null}
      {one.error ? (
        <Text size="sm" c="red" mb="sm">
          {one.error}
        </Text>
      ) : null}
      {one.figures.length > 0 ? <Figures one={one} /> : null}
    </Paper>
  );
}

function Figures({ one }: { one: Benchmark }): ReactNode {
  const fastest = one.figures.length > 1 ? Math.max(...one.figures.map((each) => each.speed_p50 ?? 0)) : 0;
  const speed = (value: number | null): string => (value === null ? strings.unknown : count(Math.round(value)));
  return (
    <Table.ScrollContainer minWidth={720} type="native" tabIndex={0} role="group" aria-label={strings.bench.figures}>
      <Table className="figure" fz="sm" verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{strings.bench.columns.model}</Table.Th>
            <Table.Th ta="right">{strings.bench.columns.first}</Table.Th>
            <Table.Th ta="right">{strings.bench.columns.firstHigh}</Table.Th>
            <Table.Th ta="right">{strings.bench.columns.whole}</Table.Th>
            <Table.Th ta="right">{strings.bench.columns.wholeHigh}</Table.Th>
            <Table.Th ta="right">{strings.bench.columns.speed}</Table.Th>
            <Table.Th ta="right">{strings.bench.columns.inAll}</Table.Th>
            <Table.Th ta="right">{strings.bench.columns.failed}</Table.Th>
            <Table.Th ta="right">{strings.bench.columns.cost}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {one.figures.map((each) => (
            <Table.Tr key={each.model}>
              <Table.Td miw={120} style={{ overflowWrap: "anywhere" }}>
                {each.model}
                {fastest > 0 && each.speed_p50 === fastest ? (
                  <Text span size="xs" c="dimmed">
                    {" "}
                    {strings.bench.fastest}
                  </Text>
                ) : null}
              </Table.Td>
              <Table.Td ta="right">
                <Figure value={seconds(each.first_p50)} />
              </Table.Td>
              <Table.Td ta="right">
                <Figure value={seconds(each.first_p95)} />
              </Table.Td>
              <Table.Td ta="right">
                <Figure value={seconds(each.total_p50)} />
              </Table.Td>
              <Table.Td ta="right">
                <Figure value={seconds(each.total_p95)} />
              </Table.Td>
              <Table.Td ta="right">
                <Figure value={speed(each.speed_p50)} />
              </Table.Td>
              <Table.Td ta="right">
                <Figure value={speed(each.throughput)} />
              </Table.Td>
              <Table.Td ta="right" title={Object.entries(each.errors).map(([code, n]) => `${code}: ${n}`).join(", ")}>
                {strings.perf.of(count(each.failed), count(each.calls))}
              </Table.Td>
              <Table.Td ta="right">
                <Figure value={money(each.cost)} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** What it costs at the most, about: all prompts at four letters a token, and the longest answers; null where a price is unknown. */
export function mostCost(models: Model[], prompts: string[], times: number, longest: number): number | null {
  let sum = 0;
  for (const model of models) {
    if (model.local) continue;
    if (!model.price?.input || !model.price.output) return null;
    for (const prompt of prompts) sum += (times * ((prompt.length / 4 + 8) * Number(model.price.input) + longest * Number(model.price.output))) / 1e6;
  }
  return sum;
}

function Form({ onDone }: { onDone: () => void }): ReactNode {
  const queries = useQueryClient();
  const known = useModels();
  const [models, setModels] = useState<string[]>([]);
  const [text, setText] = useState(strings.bench.defaults.join("\n"));
  const [times, setTimes] = useState(3);
  const [atOnce, setAtOnce] = useState(1);
  const [longest, setLongest] = useState(256);
  const prompts = text.split("\n").map((line) => line.trim()).filter(Boolean);
  const calls = models.length * prompts.length * times;
  const begin = useMutation({
    mutationFn: () => api.post<Benchmark>("/api/benchmarks", { models, prompts, runs: times, at_once: atOnce, max_output_tokens: longest }),
    onSuccess: (begun) => {
      queries.setQueryData<Page<Benchmark>>(["benchmarks"], (before) => ({ items: [begun, ...(before?.items ?? [])], next: null }));
      onDone();
    },
  });
  const chosen = (known.data?.items ?? []).filter((model) => models.includes(model.id));
  const cost = mostCost(chosen, prompts, times, longest);
  const said = strings.bench.calls(calls);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    begin.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <MultiSelect label={strings.bench.models} description={strings.bench.modelsHint} value={models} onChange={setModels} data={(known.data?.items ?? []).filter(usable).map((model) => model.id)} searchable maxValues={8} limit={40} required />
        <Textarea label={strings.bench.prompts} value={text} onChange={(event) => setText(event.currentTarget.value)} autosize minRows={3} maxRows={8} required />
        <Group grow align="end">
          <NumberInput label={strings.bench.runs} value={times} onChange={(value) => setTimes(Number(value) || 1)} min={1} max={50} allowDecimal={false} />
          <NumberInput label={strings.bench.atOnce} value={atOnce} onChange={(value) => setAtOnce(Number(value) || 1)} min={1} max={16} allowDecimal={false} />
          <NumberInput label={strings.bench.longest} value={longest} onChange={(value) => setLongest(Number(value) || 1)} min={1} max={100000} allowDecimal={false} />
        </Group>
        <Text size="sm" c={calls > MOST_CALLS ? "red" : "dimmed"} role="status">
          {calls === 0 ? " " : calls > MOST_CALLS ? strings.bench.tooMany(calls) : cost === null ? strings.bench.costOpen(said) : cost === 0 ? strings.bench.costNothing(said) : strings.bench.cost(said, money(cost))}
        </Text>
        {begin.error ? <Failure error={begin.error} /> : null}
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            {strings.cancel}
          </Button>
          <Button type="submit" loading={begin.isPending} disabled={calls === 0 || calls > MOST_CALLS} leftSection={<IconPlayerPlay size={15} />}>
            {strings.bench.run}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
