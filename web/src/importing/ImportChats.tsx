// Chats from elsewhere: a file is dropped or chosen, one sees how far it is, and is told what could not be read.
import { Button, FileButton, Group, List, Paper, Progress, Stack, Text } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";

import { Problem, api } from "../api/client";
import { keys } from "../api/queries";
import { Failure } from "../components/Failure";
import { bytes, count } from "../format";
import { strings } from "../i18n/strings";
import { NoExport, batches, documents } from "./read";

interface Kept {
  imported: number;
  known: number;
  unread: { title: string; reason: string }[];
  left_out: number;
}

type State =
  | { at: "rest" }
  | { at: "work"; name: string; size: number; taken: number; of: number | null }
  | { at: "end"; name: string; kept: Kept; stopped: boolean; error: unknown };

const NOTHING: Kept = { imported: 0, known: 0, unread: [], left_out: 0 };
const SHOWN = 20;

const sum = (one: Kept, other: Kept): Kept => ({
  imported: one.imported + other.imported,
  known: one.known + other.known,
  unread: [...one.unread, ...other.unread],
  left_out: one.left_out + other.left_out,
});

/** A piece that the gateway refuses as such, and not for reasons of its own, is what could not be read. */
const isRefusal = (error: unknown): error is Problem => error instanceof Problem && error.status >= 400 && error.status < 500 && ![401, 403, 429].includes(error.status);

function explain(error: unknown): unknown {
  return error instanceof NoExport ? new Error(`${strings.importing.wrong[error.kind]} ${error.message}`.trim()) : error;
}

export function ImportChats(): ReactNode {
  const queries = useQueryClient();
  const [state, setState] = useState<State>({ at: "rest" });
  const [over, setOver] = useState(false);
  const aborter = useRef<AbortController | null>(null);
  useEffect(() => () => aborter.current?.abort(), []);

  const take = async (file: File): Promise<void> => {
    const stop = new AbortController();
    aborter.current = stop;
    let kept = NOTHING;
    let error: unknown = null;
    setState({ at: "work", name: file.name, size: file.size, taken: 0, of: null });
    try {
      let taken = 0;
      let of = 0;
      for await (const text of documents(file)) {
        const pieces = batches(text);
        of += pieces.reduce((all, one) => all + one.count, 0);
        for (const piece of pieces) {
          setState({ at: "work", name: file.name, size: file.size, taken, of });
          try {
            kept = sum(kept, await api.post<Kept>("/api/conversations/import", JSON.parse(piece.body), stop.signal));
          } catch (refusal) {
            if (stop.signal.aborted || !isRefusal(refusal)) throw refusal;
            if (pieces.length === 1 && piece.count === 1) throw refusal;
            kept = sum(kept, { ...NOTHING, unread: [{ title: strings.importing.several(piece.count), reason: refusal.info.message }] });
          }
          taken += piece.count;
        }
      }
    } catch (failure) {
      if (!stop.signal.aborted) error = explain(failure);
    }
    setState({ at: "end", name: file.name, kept, stopped: stop.signal.aborted, error });
    void queries.invalidateQueries({ queryKey: keys.conversations });
    void queries.invalidateQueries({ queryKey: keys.folders });
  };

  if (state.at === "work") {
    const part = state.of ? (state.taken / state.of) * 100 : 0;
    return (
      <Paper withBorder p="lg" maw={560} w="100%">
        <Text size="sm" mb={8} role="status">
          {state.of === null ? strings.importing.reading(state.name, bytes(state.size)) : strings.importing.taking(count(state.taken), count(state.of))}
        </Text>
        <Progress value={part} aria-label={strings.importing.progress} mb="md" animated={state.of === null} />
        <Button size="xs" variant="default" onClick={() => aborter.current?.abort()}>
          {strings.chat.stop}
        </Button>
      </Paper>
    );
  }
  return (
    <Stack gap="md" maw={560} w="100%">
      {state.at === "end" ? <Outcome {...state} /> : null}
      <div
        className="dropzone"
        {...(over ? { "data-over": true } : {})}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          const file = event.dataTransfer.files[0];
          if (file) void take(file);
        }}
      >
        <FileButton accept=".zip,.json,application/zip,application/json" onChange={(file) => file && void take(file)}>
          {(props) => (
            <Button {...props} variant="default" leftSection={<IconUpload size={15} />}>
              {strings.chats.import}
            </Button>
          )}
        </FileButton>
        <Text size="sm" c="dimmed" mt={8}>
          {strings.importing.hint}
        </Text>
      </div>
    </Stack>
  );
}

function Outcome({ name, kept, stopped, error }: { name: string; kept: Kept; stopped: boolean; error: unknown }): ReactNode {
  const { unread } = kept;
  const nothing = kept.imported + kept.known + unread.length === 0;
  return (
    <Paper withBorder p="lg" role="status" aria-label={strings.importing.outcome(name)}>
      <Text fw={600} mb={4}>
        {strings.importing.outcome(name)}
      </Text>
      {error !== null && nothing ? null : <Text size="sm">{strings.chats.imported(kept.imported)}</Text>}
      {kept.known > 0 ? <Text size="sm">{strings.importing.known(kept.known)}</Text> : null}
      {stopped ? <Text size="sm">{strings.importing.stopped}</Text> : null}
      {kept.left_out > 0 ? (
        <Text size="sm" c="dimmed">
          {strings.importing.leftOut(kept.left_out)}
        </Text>
      ) : null}
      {unread.length > 0 ? (
        <>
          <Text size="sm" mt={8} fw={500}>
            {strings.importing.unread(unread.length)}
          </Text>
          <List size="sm" mt={4}>
            {unread.slice(0, SHOWN).map((one, at) => (
              <List.Item key={at}>
                {one.title || strings.importing.untitled}: {one.reason}
              </List.Item>
            ))}
          </List>
          {unread.length > SHOWN ? <Text size="sm">{strings.importing.andMore(unread.length - SHOWN)}</Text> : null}
        </>
      ) : null}
      {error !== null ? (
        <Group mt={8}>
          <Failure error={error} />
        </Group>
      ) : null}
    </Paper>
  );
}
