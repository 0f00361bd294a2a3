// What was spent, on what, and how the models performed. Sums that are not whole say so.
import { Button, Group, Progress, SegmentedControl, Skeleton, Stack, Table, Tabs, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, Suspense, lazy, useMemo } from "react";
import { Link, useSearchParams } from "react-router";

import { api, at } from "../api/client";
import type { Budget, Page, UsageReport, UsageRow } from "../api/types";
import { download } from "../components/ChatMenu";
import { Failure } from "../components/Failure";
import { Figure } from "../components/Figure";
import { Empty, Section, Stat } from "../components/Section";
import { Sparkline } from "../components/Sparkline";
import { tabOf } from "../components/tab";
import { PageFrame } from "../components/TopBar";
import { count, money, short } from "../format";
import { strings } from "../i18n/strings";
import { useSession } from "../state/session";
import { PerformanceView } from "../usage/Performance";

const DayChart = lazy(async () => ({ default: (await import("../components/Charts")).DayChart }));

type Dimension = "model" | "provider" | "key" | "tag";
const DIMENSIONS: Dimension[] = ["model", "provider", "key", "tag"];

/** The first moment of the day that lies so many days back, today being the first. */
function since(days: number): string {
  const start = new Date();
  start.setUTCHours(0, 0, 0, 0);
  start.setUTCDate(start.getUTCDate() - (days - 1));
  return start.toISOString();
}

type Summed = Omit<UsageRow, "unknown_cost_calls"> & { unknown_cost: number };

/** Sums of each combination of the dimensions that were asked for. */
interface Sums {
  total: Summed;
  items: Summed[];
}

const rowOf = ({ unknown_cost, ...row }: Summed): UsageRow => ({ ...row, unknown_cost_calls: unknown_cost });

const reportOf = (said: Sums): UsageReport => ({ items: said.items.map(rowOf), totals: rowOf(said.total) });

function useUsage(days: number, by: string[]) {
  return useQuery({
    queryKey: ["usage", days, by],
    queryFn: async ({ signal }) => reportOf(await api.get<Sums>(at("/api/usage", { since: since(days), by }), signal)),
    placeholderData: (before) => before,
  });
}

/** A sum that lacks the calls whose cost nobody knows says so; one of nothing else is unknown. */
function costOf(row: UsageRow | undefined): string {
  if (!row || row.unknown_cost_calls === 0) return money(row?.cost);
  return Number(row.cost ?? 0) > 0 ? `≥ ${money(row.cost)}` : strings.unknown;
}

/** What remembered answers and providers' caches spared together; the second is an estimate, and where nothing is known of the one in use, so is the sum. */
function sparedOf(row: UsageRow | undefined): string {
  if (!row) return strings.unknown;
  const known = [row.saved, row.prompts_saved].filter((one) => one !== null && one !== undefined);
  if (known.length === 0) return strings.unknown;
  const sum = known.reduce((before, one) => before + Number(one), 0);
  return sum === 0 ? money(0) : `${Number(row.prompts_saved ?? 0) === 0 ? "" : "≈ "}${money(sum)}`;
}

/** The figures of each name day by day, those days too on which there was nothing. */
function courses(rows: UsageRow[], by: Dimension, days: number, of: "cost" | "tokens"): Map<string, number[]> {
  const first = Date.parse(since(days));
  const found = new Map<string, number[]>();
  for (const row of rows) {
    const name = row[by] ?? "";
    const at = Math.round((Date.parse(row.day ?? "") - first) / 86_400_000);
    if (!(at >= 0 && at < days)) continue;
    const values = found.get(name) ?? Array.from({ length: days }, () => 0);
    values[at] = (values[at] ?? 0) + (of === "cost" ? Number(row.cost ?? 0) : (row.input_tokens ?? 0) + (row.output_tokens ?? 0));
    found.set(name, values);
  }
  return found;
}

export function Usage(): ReactNode {
  const { session } = useSession();
  const [query, setQuery] = useSearchParams();
  const days = Number(query.get("days") ?? "30");
  const tab = tabOf(query.get("tab"), ["spend", "performance"]);
  const set = (name: string, value: string): void => {
    const next = new URLSearchParams(query);
    next.set(name, value);
    setQuery(next, { replace: true });
  };
  return (
    <PageFrame
      title={strings.nav.usage}
      bar={<SegmentedControl size="xs" aria-label={strings.usage.range} value={String(days)} onChange={(value) => set("days", value)} data={Object.entries(strings.usage.ranges).map(([value, label]) => ({ value, label }))} />}
    >
      <Tabs value={tab} onChange={(value) => set("tab", value ?? "spend")} keepMounted={false}>
        <Tabs.List mb="xl">
          <Tabs.Tab value="spend">{strings.usage.spend}</Tabs.Tab>
          <Tabs.Tab value="performance">{strings.usage.performance}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="spend">
          <Spend days={days} by={(query.get("by") as Dimension | null) ?? "model"} onBy={(by) => set("by", by)} />
        </Tabs.Panel>
        <Tabs.Panel value="performance">
          <PerformanceView since={since(days)} admin={session?.admin ?? false} />
        </Tabs.Panel>
      </Tabs>
    </PageFrame>
  );
}

function Spend({ days, by, onBy }: { days: number; by: Dimension; onBy: (by: Dimension) => void }): ReactNode {
  const daily = useUsage(days, ["day", "model"]);
  const today = useUsage(1, ["day"]);
  const month = useUsage(new Date().getUTCDate(), ["day"]);
  const table = useUsage(days, [by]);
  const course = useUsage(days, ["day", by]);
  const budgets = useQuery({ queryKey: ["budgets"], queryFn: ({ signal }) => api.get<Page<Budget>>("/api/budgets", signal) });
  const rows = useMemo(() => (table.data?.items ?? []).toSorted((one, other) => Number(other.cost ?? 0) - Number(one.cost ?? 0) || other.calls - one.calls), [table.data]);
  const totals = daily.data?.totals;
  const of = Number(totals?.cost ?? 0) > 0 ? "cost" : "tokens";
  const lines = useMemo(() => courses(course.data?.items ?? [], by, days, of), [course.data, by, days, of]);
  const left = (budgets.data?.items ?? []).map((one) => Number(one.limit) - Number(one.spent ?? 0)).toSorted((one, other) => one - other)[0];

  const csv = (): void => {
    const names: (keyof UsageRow)[] = [by, "calls", "failed", "input_tokens", "output_tokens", "cache_read", "cost", "unknown_cost_calls", "hits", "saved_input_tokens", "saved_output_tokens", "saved", "prompts_saved"];
    const cell = (value: unknown): string => {
      const text = value === null || value === undefined ? "" : String(value);
      // A cell that begins like a formula would be one in a spreadsheet.
      const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
      return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    };
    const lines = [names.join(","), ...rows.map((row) => names.map((name) => cell(row[name])).join(","))];
    download(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }), `usage-${by}-${days}d.csv`);
  };

  if (daily.error) return <Failure error={daily.error} retry={() => void daily.refetch()} />;
  if (!daily.data) return <Skeleton h={420} />;
  return (
    <>
      <Group gap="md" mb="xl" align="stretch">
        <Stat name={strings.usage.today} value={costOf(today.data?.totals)} note={today.data ? strings.bench.calls(today.data.totals.calls) : undefined} />
        <Stat name={strings.usage.month} value={costOf(month.data?.totals)} />
        <Stat name={strings.usage.budgetLeft} value={left === undefined ? strings.usage.noBudget : money(left)} />
        <Stat
          name={strings.usage.saved}
          value={sparedOf(totals)}
          note={
            [totals?.cache_read ? `${short(totals.cache_read)} ${strings.usage.cachedTokens}` : "", totals?.hits ? strings.usage.hits(count(totals.hits), short((totals.saved_input_tokens ?? 0) + (totals.saved_output_tokens ?? 0))) : ""].filter(Boolean).join(" · ") ||
            undefined
          }
        />
        <Stat name={strings.usage.failed} value={count(totals?.failed)} />
      </Group>
      {totals && totals.unknown_cost_calls > 0 ? (
        <Text size="sm" c="dimmed" mb="lg">
          {strings.usage.unknownCost(totals.unknown_cost_calls)}
        </Text>
      ) : null}
      {daily.data.items.length === 0 ? (
        <Empty
          action={
            <Button component={Link} to="/" variant="default">
              {strings.nav.newChat}
            </Button>
          }
        >
          {strings.usage.empty}
        </Empty>
      ) : (
        <>
          <Section title={of === "cost" ? strings.usage.byDay : strings.usage.tokensByDay}>
            <Suspense fallback={<Skeleton h={260} />}>
              <DayChart rows={daily.data.items} days={days} of={of} />
            </Suspense>
          </Section>
          <Section
            title={strings.usage.by[by] ?? by}
            side={
              <Group gap="sm">
                <SegmentedControl size="xs" value={by} onChange={(value) => onBy(value as Dimension)} data={DIMENSIONS.map((value) => ({ value, label: strings.usage.by[value] ?? value }))} />
                <Button size="xs" variant="default" leftSection={<IconDownload size={14} />} onClick={csv}>
                  {strings.usage.csv}
                </Button>
              </Group>
            }
          >
            <Table.ScrollContainer minWidth={days > 1 ? 740 : 620} type="native" tabIndex={0} role="region" aria-label={strings.usage.by[by] ?? by} className="cards-room">
              <Table className="figure cards" verticalSpacing={8}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{strings.usage.dimensions[by] ?? by}</Table.Th>
                    {days > 1 ? <Table.Th ta="right">{strings.overTime}</Table.Th> : null}
                    <Table.Th ta="right">{strings.usage.calls}</Table.Th>
                    <Table.Th ta="right">{strings.usage.failed}</Table.Th>
                    <Table.Th ta="right">{strings.usage.tokensIn}</Table.Th>
                    <Table.Th ta="right">{strings.usage.cached}</Table.Th>
                    <Table.Th ta="right">{strings.usage.tokensOut}</Table.Th>
                    <Table.Th ta="right">{strings.usage.cost}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {rows.map((row) => (
                    <Table.Tr key={row[by] ?? ""}>
                      <Table.Td style={{ overflowWrap: "anywhere" }} data-wide fw={500}>
                        {row[by] || strings.usage.other}
                      </Table.Td>
                      {days > 1 ? (
                        <Table.Td data-label={strings.overTime}>
                          <Sparkline values={lines.get(row[by] ?? "") ?? []} name={row[by] || strings.usage.other} show={of === "cost" ? money : short} />
                        </Table.Td>
                      ) : null}
                      <Table.Td ta="right" data-label={strings.usage.calls}>
                        {count(row.calls)}
                      </Table.Td>
                      <Table.Td ta="right" {...(row.failed ? { "data-label": strings.usage.failed } : { "data-not": true })}>
                        {count(row.failed)}
                      </Table.Td>
                      <Table.Td ta="right" data-label={strings.usage.tokensIn}>
                        {short(row.input_tokens)}
                      </Table.Td>
                      <Table.Td ta="right" {...(row.cache_read ? { "data-label": strings.usage.cached } : { "data-not": true })}>
                        {short(row.cache_read)}
                      </Table.Td>
                      <Table.Td ta="right" data-label={strings.usage.tokensOut}>
                        {short(row.output_tokens)}
                      </Table.Td>
                      <Table.Td ta="right" data-label={strings.usage.cost}>
                        <Figure value={costOf(row)} />
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Section>
        </>
      )}
      {budgets.data && budgets.data.items.length > 0 ? (
        <Section title={strings.usage.budgets}>
          <Stack gap="lg">
            {budgets.data.items.map((budget) => {
              const share = Math.min(100, (Number(budget.spent ?? 0) / Math.max(Number(budget.limit), 1e-12)) * 100);
              const label = strings.usage.of(money(budget.spent), money(budget.limit));
              return (
                <div key={`${budget.scope}/${budget.name}`}>
                  <Group justify="space-between" mb={4}>
                    <Text size="sm">
                      {budget.name || budget.scope} · {budget.period}
                    </Text>
                    <Text size="sm" c="dimmed" className="figure">
                      {label}
                      {budget.resets ? ` · ${strings.usage.resets(new Date(budget.resets).toLocaleDateString())}` : ""}
                    </Text>
                  </Group>
                  <Progress value={share} color={share > 90 ? "red" : "ink"} aria-label={`${budget.name || budget.scope}: ${label}`} />
                </div>
              );
            })}
          </Stack>
        </Section>
      ) : null}
    </>
  );
}
