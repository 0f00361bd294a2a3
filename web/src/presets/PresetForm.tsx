// One preset, to be made or changed: what it is called, the template, whom it asks and how.
import { Badge, Button, Group, Modal, Select, Stack, Text, TextInput, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";

import { api } from "../api/client";
import { keys, useModels } from "../api/queries";
import type { Preset } from "../api/types";
import { SamplingFields } from "../chat/SamplingFields";
import { Failure } from "../components/Failure";
import { strings } from "../i18n/strings";
import { variablesOf } from "./templates";

const path = (name: string): string => `/api/presets/${encodeURIComponent(name)}`;

export const emptyPreset: Preset = { name: "", settings: {} };

/** Puts a preset in the place of one; a new name takes the old one's place once it is kept. */
async function keep(before: string, { name, ...preset }: Preset): Promise<void> {
  const template = preset.template?.trim() ? preset.template : null;
  const known = { ...preset, template, system: preset.system?.trim() || null, variables: template ? variablesOf(template) : [] };
  await api.put(path(name), known);
  if (before && before !== name) await api.delete(path(before));
}

export function PresetForm({ preset, taken, onClose }: { preset: Preset; taken: string[]; onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const models = useModels();
  const [now, setNow] = useState(preset);
  const set = (change: Partial<Preset>): void => setNow((before) => ({ ...before, ...change }));
  const name = now.name.trim();
  const isTaken = name !== preset.name && taken.includes(name);
  const variables = variablesOf(now.template ?? "");
  const save = useMutation({
    mutationFn: () => keep(preset.name, { ...now, name }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.presets });
      onClose();
    },
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name && !isTaken) save.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={preset.name ? strings.templates.editOf(preset.name) : strings.templates.new} size="lg">
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={strings.templates.name}
            description={strings.templates.nameHint}
            value={now.name}
            onChange={(event) => set({ name: event.currentTarget.value })}
            maxLength={80}
            required
            error={isTaken ? strings.templates.taken : null}
            data-autofocus
          />
          <Textarea
            label={strings.templates.template}
            description={strings.templates.templateHint}
            autosize
            minRows={4}
            maxRows={14}
            value={now.template ?? ""}
            onChange={(event) => set({ template: event.currentTarget.value })}
          />
          {variables.length > 0 ? (
            <Group gap={6} role="status">
              <Text size="sm" c="dimmed">
                {strings.templates.asksFor}
              </Text>
              {variables.map((one) => (
                <Badge key={one} variant="default" tt="none">
                  {one}
                </Badge>
              ))}
            </Group>
          ) : null}
          <Textarea
            label={strings.settings.system}
            description={strings.settings.systemHint}
            autosize
            minRows={2}
            maxRows={12}
            value={now.system ?? ""}
            onChange={(event) => set({ system: event.currentTarget.value })}
          />
          <Select
            label={strings.templates.model}
            placeholder={strings.templates.anyModel}
            searchable
            clearable
            limit={60}
            value={now.model ?? null}
            data={[...new Set([...(now.model ? [now.model] : []), ...(models.data?.items ?? []).map((model) => model.id)])]}
            onChange={(model) => set({ model })}
          />
          <SamplingFields settings={now.settings} onChange={(settings) => set({ settings })} />
          {save.error ? <Failure error={save.error} /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {strings.cancel}
            </Button>
            <Button type="submit" loading={save.isPending} disabled={!name || isTaken}>
              {strings.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
