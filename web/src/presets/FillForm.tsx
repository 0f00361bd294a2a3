// Asks for a template's variables, and shows the message that comes of them while they are written.
import { Button, Group, Modal, Stack, Switch, Text, Textarea } from "@mantine/core";
import { type ReactNode, useMemo, useState } from "react";

import type { Preset } from "../api/types";
import { strings } from "../i18n/strings";
import { QUESTION, filled, labelOf, setsAnything, variablesOf } from "./templates";

interface Given {
  preset: Preset;
  input: string;
  /** whether its settings are taken over unless somebody says otherwise */
  fresh: boolean;
  onClose: () => void;
  onDone: (text: string, withSettings: boolean, send: boolean) => void;
}

export function FillForm({ preset, input, fresh, onClose, onDone }: Given): ReactNode {
  const template = preset.template ?? "";
  const names = useMemo(() => variablesOf(template), [template]);
  const place = names.includes(QUESTION) ? QUESTION : names.length === 1 ? names[0] : undefined;
  const [values, setValues] = useState<Record<string, string>>(place && input ? { [place]: input } : {});
  const [withSettings, setWithSettings] = useState(fresh);
  const missing = names.filter((name) => !values[name]?.trim());
  const text = filled(template, values);
  const first = missing[0] ?? names[0];
  const done = (send: boolean): void => onDone(text, withSettings, send);
  return (
    <Modal opened onClose={onClose} title={strings.templates.fill(preset.name)} size="lg">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (missing.length === 0) done(false);
        }}
      >
        <Stack>
          {names.map((name) => (
            <Textarea
              key={name}
              label={name === QUESTION ? strings.templates.question : labelOf(name)}
              autosize
              minRows={name === QUESTION ? 2 : 1}
              maxRows={10}
              value={values[name] ?? ""}
              onChange={(event) => {
                const { value } = event.currentTarget;
                setValues((before) => ({ ...before, [name]: value }));
              }}
              onKeyDown={(event) => {
                if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
                if (event.metaKey || event.ctrlKey || (name !== QUESTION && missing.length === 0)) {
                  event.preventDefault();
                  event.currentTarget.form?.requestSubmit();
                }
              }}
              {...(name === first ? { "data-autofocus": true } : {})}
            />
          ))}
          {setsAnything(preset) ? (
            <Switch label={strings.templates.withSettings} checked={withSettings} onChange={(event) => setWithSettings(event.currentTarget.checked)} />
          ) : null}
          <div>
            <Text size="sm" fw={500} mb={4}>
              {strings.templates.preview}
            </Text>
            <div className="preview-text" tabIndex={0} role="region" aria-label={strings.templates.preview}>
              {text}
            </div>
          </div>
          <Group justify="flex-end">
            <Button variant="default" disabled={missing.length > 0} onClick={() => done(true)}>
              {strings.templates.insertAndSend}
            </Button>
            <Button type="submit" disabled={missing.length > 0}>
              {strings.templates.insert}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
