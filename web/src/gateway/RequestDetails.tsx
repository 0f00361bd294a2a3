// One call, opened: what was asked for, its tries as a timeline, why they went there, and its content where it is kept.
import { Text } from "@mantine/core";
import type { ReactNode } from "react";

import type { RequestRow, TimedAttempt } from "../api/types";
import { Figure } from "../components/Figure";
import { count, moment, money, seconds } from "../format";
import { strings } from "../i18n/strings";
import { Content } from "./Content";

export function RequestDetails({ row }: { row: RequestRow }): ReactNode {
  return (
    <div className="details">
      <section>
        <Pair name={strings.gateway.columns.time}>{moment(row.started)}</Pair>
        <Pair name={strings.request.asked}>
          {row.model || row.operation} {row.operation === "chat" ? "" : `· ${row.operation}`}
        </Pair>
        <Pair name={strings.request.spoken}>
          {row.dialect || strings.app}
          {row.lane ? ` · ${strings.gateway.lane[row.lane] ?? row.lane}` : ""}
        </Pair>
        <Pair name={strings.gateway.columns.key}>{row.key || row.tenant}</Pair>
        {row.usage ? (
          <Pair name={strings.gateway.columns.tokens}>
            <span className="figure">
              {count(row.usage.input_tokens)} → {count(row.usage.output_tokens)}
            </span>
          </Pair>
        ) : null}
        <Pair name={strings.gateway.columns.cost}>
          <Figure value={money(row.cost)} />
        </Pair>
        {row.finish ? <Pair name={strings.request.finish}>{row.finish}</Pair> : null}
        {row.tags.length > 0 ? <Pair name={strings.request.tags}>{row.tags.join(", ")}</Pair> : null}
        {row.error ? (
          <Text size="sm" c="red" mt={6}>
            {strings.request.message(row.error)}
          </Text>
        ) : null}
      </section>
      <section aria-label={strings.request.timeline}>
        <Heading>{strings.request.timeline}</Heading>
        {row.attempts.length === 0 ? (
          <Text size="sm" c="dimmed">
            {strings.request.refused}
          </Text>
        ) : (
          <>
            {row.attempts.map((attempt, at) => (
              <Attempt key={at} attempt={attempt} number={at + 1} before={row.attempts[at - 1]?.end ?? 0} whole={row.seconds} />
            ))}
            <Text size="xs" c="dimmed">
              {strings.request.phaseHint}
            </Text>
          </>
        )}
      </section>
      {row.decisions.some((one) => one.what !== "asked") ? (
        <section>
          <Heading>{strings.request.decisions}</Heading>
          {row.decisions.map((one, at) => (
            <Text size="sm" key={at} mb={4} style={{ overflowWrap: "anywhere" }}>
              {one.target}{" "}
              <Text span c="dimmed" inherit>
                {strings.request.what[one.what] ?? one.what}: {one.why}
              </Text>
            </Text>
          ))}
        </section>
      ) : null}
      {row.losses.length > 0 ? (
        <section>
          <Heading>{strings.gateway.losses}</Heading>
          {row.losses.map((loss, at) => (
            <Text size="sm" key={at}>
              {loss.field}: {loss.reason}
            </Text>
          ))}
        </section>
      ) : null}
      <section aria-label={strings.request.content}>
        <Heading>{strings.request.content}</Heading>
        <Content id={row.request_id} />
      </section>
    </div>
  );
}

function Heading({ children }: { children: ReactNode }): ReactNode {
  return (
    <Text component="h3" fw={600} size="sm" mb="sm">
      {children}
    </Text>
  );
}

function Pair({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <div className="pair">
      <span>{name}</span>
      <span>{children}</span>
    </div>
  );
}

interface Phase {
  kind: "queue" | "head" | "first" | "rest";
  from: number;
  to: number;
}

/** The phases of a try as far as they are known; what follows an unknown one belongs to the last known. */
export function phases(attempt: TimedAttempt, before: number): Phase[] {
  const found: Phase[] = [];
  const { sent, head, first, end } = attempt;
  if (sent - before > 0.0005) found.push({ kind: "queue", from: before, to: sent });
  const began = head === null ? null : Math.min(head, end);
  const content = first === null ? null : Math.min(Math.max(first, began ?? sent), end);
  if (began === null && content === null) return [...found, { kind: "head", from: sent, to: end }];
  if (began !== null) found.push({ kind: "head", from: sent, to: began });
  if (content !== null) found.push({ kind: "first", from: began ?? sent, to: content });
  found.push({ kind: "rest", from: content ?? began ?? sent, to: end });
  return found.filter((one) => one.to - one.from > 0.00005 || one.kind === "rest");
}

function Attempt({ attempt, number, before, whole }: { attempt: TimedAttempt; number: number; before: number; whole: number }): ReactNode {
  const span = Math.max(whole, attempt.end, 0.001);
  const found = phases(attempt, before);
  const failed = attempt.error !== null;
  return (
    <div className="attempt" role="group" aria-label={strings.request.attempt(number)}>
      <div className="pair">
        <span style={{ overflowWrap: "anywhere", color: "var(--strong)" }}>{attempt.target}</span>
        <Text span inherit className="figure" c={failed ? "red" : undefined}>
          {attempt.error ?? attempt.status ?? ""} · {seconds(attempt.seconds)}
        </Text>
      </div>
      <div className="timeline" aria-hidden>
        {found.map((one) => (
          <i key={one.kind} data-kind={one.kind} data-failed={failed || undefined} style={{ left: `${(one.from / span) * 100}%`, width: `max(2px, ${((one.to - one.from) / span) * 100}%)` }} />
        ))}
      </div>
      <dl className="phases">
        {found.map((one) => (
          <div key={one.kind}>
            <dt>
              <i data-kind={one.kind} data-failed={failed || undefined} aria-hidden /> {strings.request.phases[one.kind]}
            </dt>
            <dd className="figure">{seconds(one.to - one.from)}</dd>
          </div>
        ))}
      </dl>
      {attempt.why ? (
        <Text size="xs" c="dimmed">
          {attempt.why}
        </Text>
      ) : null}
    </div>
  );
}
