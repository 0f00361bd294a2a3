// Requests as they end, newest first; a row opens to its attempts as a timeline.
import { Badge, Button, Drawer, Group, SegmentedControl, Skeleton, Stack, Table, TextInput, UnstyledButton } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router";

import { api, at, events } from "../api/client";
import type { Page, RequestRow } from "../api/types";
import { Failure } from "../components/Failure";
import { Figure } from "../components/Figure";
import { Empty } from "../components/Section";
import { count, money, seconds } from "../format";
import { strings } from "../i18n/strings";
import { KeepContent } from "./KeepContent";
import { RequestDetails } from "./RequestDetails";

const KEPT = 500;

function matches(row: RequestRow, words: string, status: string): boolean {
  if (status === "ok" && row.status >= 400) return false;
  if (status === "failed" && row.status < 400 && row.error === null) return false;
  return words === "" || `${row.model} ${row.target ?? ""} ${row.key} ${row.request_id} ${row.error ?? ""}`.toLowerCase().includes(words);
}

/** What came since the page was opened; a lost connection is taken up again. And how often that was begun: what ended
 * before is to be asked for afterwards, so that nothing falls in between. */
function useLive(paused: boolean): [RequestRow[], number] {
  const [rows, setRows] = useState<RequestRow[]>([]);
  const [begun, setBegun] = useState(0);
  const held = useRef<RequestRow[]>([]);
  const still = useRef(paused);
  still.current = paused;

  useEffect(() => {
    if (!paused && held.current.length > 0) {
      const fresh = held.current;
      held.current = [];
      setRows((before) => [...fresh, ...before].slice(0, KEPT));
    }
  }, [paused]);

  useEffect(() => {
    const aborter = new AbortController();
    const follow = async (): Promise<void> => {
      while (!aborter.signal.aborted) {
        try {
          for await (const event of events("/api/requests/events", { signal: aborter.signal, onOpen: () => setBegun((before) => before + 1) })) {
            if (event.name !== "request") continue;
            const row = JSON.parse(event.data) as RequestRow;
            if (still.current) held.current = [row, ...held.current].slice(0, KEPT);
            else setRows((before) => [row, ...before].slice(0, KEPT));
          }
        } catch {
          // The gateway is being restarted, or the page is being left: the loop looks at which.
          setBegun((before) => Math.max(1, before));
        }
        await new Promise((resume) => setTimeout(resume, 2000));
      }
    };
    void follow();
    return () => aborter.abort();
  }, []);
  return [rows, begun];
}

export function LiveLog({ admin }: { admin: boolean }): ReactNode {
  const [paused, setPaused] = useState(false);
  const [status, setStatus] = useState("all");
  const [text, setText] = useState("");
  const [words] = useDebouncedValue(text.trim().toLowerCase(), 120);
  const [open, setOpen] = useState<RequestRow | null>(null);
  const [live, begun] = useLive(paused);
  const past = useInfiniteQuery({
    queryKey: ["requests", begun],
    enabled: begun > 0,
    placeholderData: keepPreviousData,
    gcTime: 0,
    queryFn: ({ pageParam, signal }) => api.get<Page<RequestRow>>(at("/api/requests", { after: pageParam, limit: 50 }), signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const rows = useMemo(() => {
    const found = new Map<string, RequestRow>();
    for (const row of [...live, ...(past.data?.pages.flatMap((page) => page.items) ?? [])]) if (!found.has(row.request_id)) found.set(row.request_id, row);
    return [...found.values()].filter((row) => matches(row, words, status));
  }, [live, past.data, words, status]);

  if (past.error) return <Failure error={past.error} retry={() => void past.refetch()} />;
  return (
    <Stack gap="lg">
      <Group gap="sm">
        <TextInput value={text} onChange={(event) => setText(event.currentTarget.value)} placeholder={strings.search} aria-label={strings.search} leftSection={<IconSearch size={15} />} style={{ flex: "1 1 180px", maxWidth: 320 }} />
        <SegmentedControl size="xs" aria-label={strings.gateway.status} value={status} onChange={setStatus} data={Object.entries(strings.gateway.statuses).map(([value, label]) => ({ value, label }))} />
        <Button size="xs" variant="default" onClick={() => setPaused(!paused)} leftSection={paused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />} aria-pressed={paused}>
          {paused ? strings.gateway.resume : strings.gateway.pause}
        </Button>
        {admin ? <KeepContent /> : null}
      </Group>
      {!past.data ? (
        <Skeleton h={300} />
      ) : rows.length === 0 ? (
        words !== "" || status !== "all" ? (
          <Empty>{strings.gateway.emptySearch}</Empty>
        ) : (
          <Empty
            action={
              <Button component={Link} to="/gateway?tab=connect" variant="default">
                {strings.gateway.connectClient}
              </Button>
            }
          >
            {strings.gateway.emptyLog}
          </Empty>
        )
      ) : (
        <Table.ScrollContainer minWidth={720} type="native" className="cards-room">
          <Table className="figure cards" verticalSpacing={6} fz="sm">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{strings.gateway.columns.time}</Table.Th>
                <Table.Th>{strings.gateway.columns.model}</Table.Th>
                <Table.Th>{strings.gateway.columns.status}</Table.Th>
                <Table.Th>{strings.gateway.columns.key}</Table.Th>
                <Table.Th ta="right">{strings.gateway.columns.first}</Table.Th>
                <Table.Th ta="right">{strings.gateway.columns.time_taken}</Table.Th>
                <Table.Th ta="right">{strings.gateway.columns.tokens}</Table.Th>
                <Table.Th ta="right">{strings.gateway.columns.cost}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((row) => (
                <Table.Tr key={row.request_id}>
                  <Table.Td className="log-time" style={{ whiteSpace: "nowrap" }}>
                    <UnstyledButton fz="sm" onClick={() => setOpen(row)} title={row.request_id} td="underline" style={{ textUnderlineOffset: 3, textDecorationColor: "var(--hairline)" }}>
                      {new Date(row.started).toLocaleTimeString()}
                    </UnstyledButton>
                  </Table.Td>
                  <Table.Td className="log-model" style={{ overflowWrap: "anywhere" }}>
                    {row.target ?? row.model}
                    {row.attempts.length > 1 ? ` ↺ ${row.attempts.length}` : ""}
                  </Table.Td>
                  <Table.Td>
                    <Status row={row} />
                  </Table.Td>
                  <Table.Td data-not>{row.key || row.tenant}</Table.Td>
                  <Table.Td ta="right" data-not>
                    {row.first_seconds === null ? "" : seconds(row.first_seconds)}
                  </Table.Td>
                  <Table.Td ta="right" data-end>
                    {seconds(row.seconds)}
                  </Table.Td>
                  <Table.Td ta="right" data-not>
                    {row.usage ? `${count(row.usage.input_tokens)} → ${count(row.usage.output_tokens)}` : ""}
                  </Table.Td>
                  <Table.Td ta="right" data-not>
                    <Figure value={money(row.cost)} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {past.hasNextPage ? (
        <Button variant="default" style={{ alignSelf: "center" }} loading={past.isFetchingNextPage} onClick={() => void past.fetchNextPage()}>
          {strings.more}
        </Button>
      ) : null}
      <Drawer opened={open !== null} onClose={() => setOpen(null)} position="right" size="lg" title={open?.request_id}>
        {open ? <RequestDetails row={open} /> : null}
      </Drawer>
    </Stack>
  );
}

function Status({ row }: { row: RequestRow }): ReactNode {
  const failed = row.status >= 400 || row.error !== null;
  return (
    <Badge variant="outline" color={failed ? "red" : "gray"} tt="none" fw={500}>
      {row.status} {row.error ?? ""}
    </Badge>
  );
}
