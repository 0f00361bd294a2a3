// How models performed: percentiles, speed, errors and interruptions, in all and day by day.
import { Skeleton, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, Suspense, lazy } from "react";

import { api, at } from "../api/client";
import type { Page, Performance } from "../api/types";
import { Failure } from "../components/Failure";
import { Figure } from "../components/Figure";
import { Empty } from "../components/Section";
import { ago, count, seconds } from "../format";
import { strings } from "../i18n/strings";
import { Benchmarks } from "./Benchmarks";

const Small = lazy(async () => ({ default: (await import("../components/Charts")).Small }));

const share = (part: number, whole: number): string => `${((part / Math.max(1, whole)) * 100).toFixed(part === 0 ? 0 : 1)} %`;
const speed = (value: number | null): string => (value === null ? strings.unknown : count(Math.round(value)));

export function PerformanceView({ since, admin }: { since: string; admin: boolean }): ReactNode {
  const { data, error, refetch } = useQuery({
    queryKey: ["performance", since],
    queryFn: ({ signal }) => api.get<Page<Performance>>(at("/api/performance", { since, by: "model" }), signal),
    placeholderData: (before) => before,
  });
  return (
    <>
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {!data && !error ? <Skeleton h={320} mb="xl" /> : null}
      {data?.items.length === 0 ? <Empty>{strings.usage.noPerformance}</Empty> : null}
      {data && data.items.length > 0 ? (
        <div className="smalls">
          {data.items.map((one) => (
            <Card key={one.model} one={one} />
          ))}
        </div>
      ) : null}
      <Benchmarks admin={admin} />
    </>
  );
}

function Card({ one }: { one: Performance }): ReactNode {
  const days = one.series.length;
  return (
    <section className="small" aria-label={one.model}>
      <Text fw={600} truncate title={one.model}>
        {one.model}
      </Text>
      <Text size="xs" c="dimmed" mb="sm">
        {strings.bench.calls(one.calls)} · {strings.perf.last(ago(one.last))}
      </Text>
      <Row name={strings.perf.first} middle={seconds(one.first_p50)} high={seconds(one.first_p95)} />
      {days > 1 ? (
        <Suspense fallback={<Skeleton h={64} />}>
          <Small series={one.series} middle="first_p50" high="first_p95" name={strings.perf.first} show={seconds} />
        </Suspense>
      ) : null}
      <Row name={strings.perf.speed} middle={speed(one.tps_p50)} high={speed(one.tps_p95)} />
      {days > 1 ? (
        <Suspense fallback={<Skeleton h={64} />}>
          <Small series={one.series} middle="tps_p50" high="tps_p95" name={strings.perf.speed} show={(value) => speed(value)} />
        </Suspense>
      ) : null}
      <div className="pair">
        <span>{strings.perf.failed}</span>
        <span className="figure">
          {share(one.errors, one.calls)}
          {one.interrupted > 0 ? ` · ${strings.perf.interrupted} ${share(one.interrupted, one.calls)}` : ""}
        </span>
      </div>
      {days > 1 ? (
        <div className="rates" role="img" aria-label={strings.perf.trend(strings.perf.failed, share(one.series[0]?.errors ?? 0, one.series[0]?.calls ?? 0), share(one.series.at(-1)?.errors ?? 0, one.series.at(-1)?.calls ?? 0))}>
          {one.series.map((day) => (
            <i key={day.time} title={`${new Date(day.time).toLocaleDateString()}: ${strings.perf.of(count(day.errors), count(day.calls))}`}>
              <b style={{ height: `${(day.errors / Math.max(1, day.calls)) * 100}%` }} />
            </i>
          ))}
        </div>
      ) : null}
    </section>
  );
}

function Row({ name, middle, high }: { name: string; middle: string; high: string }): ReactNode {
  return (
    <div className="pair">
      <span>{name}</span>
      {middle === strings.unknown ? (
        <Figure value={middle} />
      ) : (
        <span className="figure">
          {strings.perf.middle} {middle} · {strings.perf.high} {high}
        </span>
      )}
    </div>
  );
}
