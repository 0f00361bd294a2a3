// The catalogue as a table: every model that a call could go to, what it can, what it costs, and whether it is ready.
import { Alert, Badge, Button, Checkbox, Drawer, Group, MultiSelect, Select, Skeleton, Stack, Table, Text, TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedValue, useMediaQuery } from "@mantine/hooks";
import { IconArrowDown, IconArrowUp, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";

import { api } from "../api/client";
import { keys, useModels } from "../api/queries";
import type { Model } from "../api/types";
import { filter, usable } from "../chat/models";
import { Capabilities } from "../components/Capabilities";
import { Failure } from "../components/Failure";
import { Figure } from "../components/Figure";
import { Monogram } from "../components/Monogram";
import { StateMark } from "../components/StateMark";
import { PageFrame } from "../components/TopBar";
import { count, money, short } from "../format";
import { strings } from "../i18n/strings";
import { useKept } from "../state/kept";

type Column = "name" | "provider" | "context" | "input" | "output" | "released";

const figureOf: Record<Column, (model: Model) => string | number | null> = {
  name: (model) => model.name.toLowerCase(),
  provider: (model) => model.provider,
  context: (model) => model.context,
  input: (model) => (model.price?.input ? Number(model.price.input) : null),
  output: (model) => (model.price?.output ? Number(model.price.output) : null),
  released: (model) => model.released,
};
const numeric = new Set<Column>(["context", "input", "output"]);
const CONTEXTS = ["8000", "32000", "128000", "200000", "1000000"];

/** What is unknown stands last, whichever way the rest is sorted. */
function sorted(models: Model[], column: Column, down: boolean): Model[] {
  const value = figureOf[column];
  return models.toSorted((one, other) => {
    const a = value(one);
    const b = value(other);
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const order = a < b ? -1 : a > b ? 1 : 0;
    return down ? -order : order;
  });
}

export function Models(): ReactNode {
  const { data, error, refetch } = useModels();
  const [query, setQuery] = useSearchParams();
  const [text, setText] = useState(query.get("q") ?? "");
  const [words] = useDebouncedValue(text, 120);
  const [order, setOrder] = useState<{ column: Column; down: boolean }>({ column: "provider", down: false });
  const view = useRef<HTMLDivElement>(null);
  const phone = useMediaQuery("(max-width: 40em)", false, { getInitialValueInEffect: false });

  const provider = query.get("provider");
  const able = query.getAll("can");
  const context = query.get("context");
  const ready = query.get("ready") === "1";
  const openId = query.get("model");
  const set = (name: string, values: (string | null)[]): void => {
    const next = new URLSearchParams(query);
    next.delete(name);
    for (const value of values) if (value) next.append(name, value);
    setQuery(next, { replace: name !== "model" });
  };

  const all = useMemo(() => (data?.items ?? []).filter((model) => !model.alias), [data]);
  const shown = useMemo(() => {
    const found = filter(all, words).filter(
      (model) =>
        (!provider || model.provider === provider) &&
        able.every((name) => model.capabilities[name]) &&
        (!context || (model.context ?? 0) >= Number(context)) &&
        (!ready || usable(model)),
    );
    return sorted(found, order.column, order.down);
  }, [all, words, provider, able, context, ready, order]);
  const open = all.find((model) => model.id === openId);
  const virtual = useVirtualizer({ count: shown.length, getScrollElement: () => view.current, estimateSize: () => (phone ? 62 : 45), overscan: 14 });
  useEffect(() => virtual.measure(), [virtual, phone]);
  const items = virtual.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);

  const heading = (column: Column): ReactNode => {
    const on = order.column === column;
    const Arrow = order.down ? IconArrowDown : IconArrowUp;
    return (
      <Table.Th key={column} ta={numeric.has(column) ? "right" : "left"} aria-sort={on ? (order.down ? "descending" : "ascending") : "none"}>
        <UnstyledButton fz="sm" fw={600} onClick={() => setOrder({ column, down: on ? !order.down : numeric.has(column) && column === "context" })}>
          {strings.models.columns[column]} {on ? <Arrow size={12} aria-hidden /> : null}
        </UnstyledButton>
      </Table.Th>
    );
  };

  return (
    <PageFrame title={strings.nav.models}>
      <Stack gap="lg" h="calc(100dvh - 52px - 48px)">
        <Text c="dimmed" size="sm">
          {strings.models.lead(all.length)}
        </Text>
        <Group gap="sm" align="end">
          <TextInput value={text} onChange={(event) => setText(event.currentTarget.value)} placeholder={strings.models.filter} aria-label={strings.models.filter} leftSection={<IconSearch size={15} />} style={{ flex: "1 1 200px" }} />
          <Select
            aria-label={strings.models.provider}
            placeholder={strings.models.provider}
            clearable
            searchable
            value={provider}
            onChange={(value) => set("provider", [value])}
            data={[...new Set(all.map((model) => model.provider))].toSorted()}
            style={{ flex: "0 1 160px" }}
          />
          <MultiSelect
            aria-label={strings.models.capability}
            placeholder={able.length > 0 ? "" : strings.models.capability}
            clearable
            value={able}
            onChange={(values) => set("can", values)}
            data={Object.entries(strings.capabilities).map(([value, label]) => ({ value, label }))}
            miw={130}
            style={{ flex: "1 1 130px", maxWidth: 320 }}
          />
          <Select
            aria-label={strings.models.context}
            placeholder={strings.models.context}
            clearable
            value={context}
            onChange={(value) => set("context", [value])}
            data={CONTEXTS.map((value) => ({ value, label: `≥ ${short(Number(value))}` }))}
            style={{ flex: "0 1 120px" }}
          />
          <Checkbox label={strings.models.ready} checked={ready} onChange={(event) => set("ready", [event.currentTarget.checked ? "1" : null])} my={8} />
        </Group>
        {error ? <Failure error={error} retry={() => void refetch()} /> : null}
        {!data && !error ? <Skeleton h={400} /> : null}
        {data && shown.length === 0 ? <Text c="dimmed">{strings.models.none}</Text> : null}
        {shown.length > 0 ? (
          <div ref={view} style={{ overflow: "auto", flex: 1, minHeight: 200 }} tabIndex={0} role="region" aria-label={strings.nav.models}>
            <Table stickyHeader highlightOnHover verticalSpacing={8} className="figure models-cards" style={{ minWidth: 760 }} aria-rowcount={shown.length}>
              <Table.Thead style={{ background: "var(--ground)" }}>
                <Table.Tr>
                  {heading("name")}
                  {heading("provider")}
                  <Table.Th className="model-can">{strings.models.capability}</Table.Th>
                  {heading("context")}
                  {heading("input")}
                  {heading("output")}
                  <Table.Th pl="xl" className="model-can">
                    {strings.models.columns.state}
                  </Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {above > 0 ? <tr aria-hidden><td style={{ height: above }} colSpan={7} /></tr> : null}
                {items.map((item) => {
                  const model = shown[item.index];
                  if (!model) return null;
                  return (
                    <Table.Tr key={model.id} aria-rowindex={item.index + 1}>
                      <Table.Td className="model-name">
                        <UnstyledButton fz="sm" fw={500} onClick={() => set("model", [model.id])} style={{ maxWidth: 300, overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap", display: "block" }} title={model.name}>
                          {model.name}
                        </UnstyledButton>
                      </Table.Td>
                      <Table.Td className="model-provider">
                        <Group gap="sm" wrap="nowrap">
                          <Monogram name={model.provider} /> {model.provider}
                        </Group>
                      </Table.Td>
                      <Table.Td className="model-can">
                        <Capabilities model={model} size={15} />
                      </Table.Td>
                      <Table.Td ta="right" className="model-figure">
                        <Figure value={short(model.context)} />
                      </Table.Td>
                      <Table.Td ta="right" className="model-figure" {...(model.price ? { "data-unit": strings.models.in } : {})}>
                        {model.local ? strings.picker.local : <Figure value={money(model.price?.input)} />}
                      </Table.Td>
                      <Table.Td ta="right" className="model-figure" {...(model.price ? { "data-unit": strings.models.out } : {})}>
                        {model.local ? "" : <Figure value={money(model.price?.output)} />}
                      </Table.Td>
                      <Table.Td pl="xl">
                        <StateMark state={model.state} />
                      </Table.Td>
                    </Table.Tr>
                  );
                })}
                {below > 0 ? <tr aria-hidden><td style={{ height: below }} colSpan={7} /></tr> : null}
              </Table.Tbody>
            </Table>
          </div>
        ) : null}
      </Stack>
      <Drawer opened={open !== undefined} onClose={() => set("model", [null])} position="right" title={open?.name} size="md">
        {open ? <Details model={open} /> : null}
      </Drawer>
    </PageFrame>
  );
}

function Details({ model }: { model: Model }): ReactNode {
  const go = useNavigate();
  const [, setModel] = useKept<string | null>("model", null);
  // Lists hold what one chooses by; tiers and sources come with the model itself.
  const whole = useQuery({ queryKey: [...keys.models, model.id], queryFn: ({ signal }) => api.get<Model>(`/api/models/${model.id.split("/").map(encodeURIComponent).join("/")}`, signal), staleTime: 60_000 });
  const price = whole.data?.price ?? model.price;
  const tiers = price?.tiers ?? [];
  const pair = (name: string, value: string): ReactNode => (
    <div className="pair">
      <span>{name}</span>
      <Figure value={value} />
    </div>
  );
  return (
    <Stack gap="lg">
      <Group gap="sm">
        <Monogram name={model.provider} size={24} />
        <Text ff="monospace" size="sm" style={{ overflowWrap: "anywhere" }}>
          {model.id}
        </Text>
      </Group>
      {model.shutdown ? (
        <Alert color="yellow" variant="outline">
          {strings.models.shutdown(model.shutdown.slice(0, 10))}
        </Alert>
      ) : null}
      <Group gap={6}>
        {Object.entries(model.capabilities)
          .filter(([, can]) => can)
          .map(([name]) => (
            <Badge key={name} variant="default" tt="none" fw={500}>
              {strings.capabilities[name] ?? name}
            </Badge>
          ))}
      </Group>
      <div>
        {pair(strings.models.context, count(model.context))}
        {pair(strings.models.maxOutput, count(model.max_output))}
        {pair(strings.models.columns.released, model.released?.slice(0, 10) ?? strings.unknown)}
        <div className="pair">
          <span>{strings.models.columns.state}</span>
          <StateMark state={model.state} />
        </div>
      </div>
      {price ? (
        <div>
          {pair(strings.models.columns.input, money(price.input))}
          {pair(strings.models.columns.output, money(price.output))}
          {price.cache_read ? pair(strings.models.cacheRead, money(price.cache_read)) : null}
          {tiers.length > 0 ? (
            <Table mt="sm" className="figure">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{strings.models.when}</Table.Th>
                  <Table.Th ta="right">{strings.models.columns.input}</Table.Th>
                  <Table.Th ta="right">{strings.models.columns.output}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {tiers.map((tier) => (
                  <Table.Tr key={tier.when}>
                    <Table.Td>{tier.when}</Table.Td>
                    <Table.Td ta="right">{money(tier.input)}</Table.Td>
                    <Table.Td ta="right">{money(tier.output)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          ) : null}
          {whole.error ? <Failure error={whole.error} retry={() => void whole.refetch()} /> : null}
          <Text size="xs" c="dimmed" mt="sm" style={{ overflowWrap: "anywhere" }}>
            {whole.data ? `${strings.models.source}: ${price.source ?? strings.unknown}. ${strings.models.since}: ${price.since ?? strings.unknown}.` : " "}
          </Text>
        </div>
      ) : model.local ? null : (
        <Text size="sm" c="dimmed">
          {strings.models.noPrice}
        </Text>
      )}
      <Group>
        <Button
          disabled={!usable(model)}
          onClick={() => {
            setModel(model.id);
            void go("/");
          }}
        >
          {strings.models.talk}
        </Button>
        <Button variant="default" component={Link} to={`/compare?m=${encodeURIComponent(model.id)}`}>
          {strings.models.compare}
        </Button>
        {model.state === "missing" ? (
          <Button variant="default" component={Link} to={`/settings?provider=${encodeURIComponent(model.provider)}`}>
            {strings.picker.addKey}
          </Button>
        ) : null}
      </Group>
    </Stack>
  );
}
