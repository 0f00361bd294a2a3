// The table of shortcuts: to look at, and in Settings to rebind by pressing the keys.
import { ActionIcon, Alert, Button, Group, Text, Title, Tooltip } from "@mantine/core";
import { IconArrowBackUp, IconPencil } from "@tabler/icons-react";
import { Fragment, type ReactNode, useEffect, useRef, useState } from "react";

import { strings } from "../i18n/strings";
import { Keys } from "./Keys";
import { ACTIONS, type Action, type ActionId, type Changes, conflicts, keysOf, nameOf, rebound, reset } from "./actions";
import { caps, combination, isKept } from "./keys";
import { useChanges } from "./listen";

const PLACES = ["everywhere", "chat", "writing", "models"] as const;
const words = (keys: string): string => caps(keys).join(" ");

type Row = Action & { id: ActionId };

/** Waits for keys; nothing else on the page hears them. */
function Recorder({ row, changes, onDone }: { row: Row; changes: Changes; onDone: (next: Changes | null) => void }): ReactNode {
  const [pressed, setPressed] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const done = useRef(onDone);
  done.current = onDone;
  const taken = pressed === null ? [] : conflicts(row.id, pressed, changes);
  const deciding = pressed !== null;

  useEffect(() => {
    if (deciding) return;
    const hear = (event: KeyboardEvent): void => {
      const keys = combination(event);
      event.preventDefault();
      event.stopImmediatePropagation();
      if (keys === null) return;
      if (keys === "Escape" && row.id !== "stop") done.current(null);
      else if (keys === "Backspace") done.current(rebound(changes, row.id, null));
      else if (isKept(keys) || conflicts(row.id, keys, changes).length > 0) setPressed(keys);
      else done.current(rebound(changes, row.id, keys));
    };
    window.addEventListener("keydown", hear, true);
    return () => window.removeEventListener("keydown", hear, true);
  }, [row.id, changes, deciding]);

  useEffect(() => {
    if (!deciding) box.current?.focus();
  }, [deciding]);

  if (pressed === null) {
    return (
      <div ref={box} tabIndex={-1} className="recorder" role="status" onBlur={() => done.current(null)}>
        {strings.shortcuts.press} <Text span size="xs" c="dimmed">{strings.shortcuts.pressHint}</Text>
      </div>
    );
  }
  const kept = isKept(pressed);
  return (
    <Alert variant="outline" color={kept ? "red" : "yellow"} p="sm" style={{ flex: "1 1 100%" }}>
      <Group gap="sm">
        <Text size="sm">
          {kept ? strings.shortcuts.browser(words(pressed)) : strings.shortcuts.taken(words(pressed), taken.map(nameOf).join(", "))}
        </Text>
        {kept ? null : (
          <Button size="xs" autoFocus onClick={() => onDone(rebound(changes, row.id, pressed))}>
            {strings.shortcuts.takeOver}
          </Button>
        )}
        <Button size="xs" variant="default" onClick={() => setPressed(null)} {...(kept ? { autoFocus: true } : {})}>
          {strings.retry}
        </Button>
        <Button size="xs" variant="default" onClick={() => onDone(null)}>
          {strings.cancel}
        </Button>
      </Group>
    </Alert>
  );
}

export function ShortcutTable({ editable }: { editable: boolean }): ReactNode {
  const [changes, setChanges] = useChanges();
  const [recording, setRecording] = useState<ActionId | null>(null);
  const list = useRef<HTMLDivElement>(null);

  const finish = (id: ActionId, next: Changes | null): void => {
    if (next) setChanges(next);
    setRecording(null);
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>(`[data-change="${id}"]`)?.focus());
  };

  return (
    <div ref={list} className="shortcuts">
      {PLACES.map((where) => (
        <Fragment key={where}>
          <Title order={editable ? 2 : 3} fz="sm" c="dimmed" mt="lg" mb={4}>
            {strings.shortcuts.places[where]}
          </Title>
          <ul>
            {ACTIONS.filter((row) => row.where === where && (editable || keysOf(row.id, changes) !== null)).map((row) => {
              const keys = keysOf(row.id, changes);
              const name = nameOf(row.id);
              return (
                <li key={row.id} aria-label={name}>
                  <span className="what">{name}</span>
                  {recording === row.id ? (
                    <Recorder row={row} changes={changes} onDone={(next) => finish(row.id, next)} />
                  ) : (
                    <>
                      {keys === null ? (
                        <Text span size="sm" c="dimmed">
                          {strings.shortcuts.none}
                        </Text>
                      ) : (
                        <Keys keys={keys} />
                      )}
                      {editable ? (
                        <span className="row-acts">
                          {row.id in changes ? (
                            <Tooltip label={strings.shortcuts.reset}>
                              <ActionIcon variant="subtle" color="gray" aria-label={strings.shortcuts.resetOf(name)} onClick={() => setChanges(reset(changes, row.id))}>
                                <IconArrowBackUp size={16} />
                              </ActionIcon>
                            </Tooltip>
                          ) : null}
                          <Tooltip label={strings.shortcuts.change}>
                            <ActionIcon variant="subtle" color="gray" aria-label={strings.shortcuts.changeOf(name)} data-change={row.id} onClick={() => setRecording(row.id)}>
                              <IconPencil size={16} />
                            </ActionIcon>
                          </Tooltip>
                        </span>
                      ) : null}
                    </>
                  )}
                </li>
              );
            })}
          </ul>
        </Fragment>
      ))}
      {editable ? (
        <Group mt="lg" gap="md">
          <Button variant="default" size="xs" disabled={Object.keys(changes).length === 0} onClick={() => setChanges({})}>
            {strings.shortcuts.resetAll}
          </Button>
          <Text size="sm" c="dimmed">
            {strings.shortcuts.lead}
          </Text>
        </Group>
      ) : null}
    </div>
  );
}
