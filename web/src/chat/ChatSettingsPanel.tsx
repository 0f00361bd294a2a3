// What one chat asks of its models: system prompt, sampling, effort, schema, preset. Saved when a field is left.
import { Button, Group, Select, Stack, TextInput, Textarea } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";

import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api } from "../api/client";
import { keys, usePresets } from "../api/queries";
import type { ChatSettings, Preset } from "../api/types";
import { complain } from "../components/ChatMenu";
import { strings } from "../i18n/strings";
import { applied } from "../presets/templates";
import { SamplingFields } from "./SamplingFields";

const NONE: Preset[] = [];

/** Keeps these settings under a name, for other chats, or forgets such a name. */
function Keep({ settings, known, onKept }: { settings: ChatSettings; known: Preset[]; onKept: (name: string | null) => void }): ReactNode {
  const queries = useQueryClient();
  const [name, setName] = useState(settings.preset ?? "");
  useEffect(() => setName(settings.preset ?? ""), [settings.preset]);
  const here = name.trim();
  const there = known.find((one) => one.name === here);
  const change = useMutation({
    mutationFn: async (keep: boolean) => {
      const path = `/api/presets/${encodeURIComponent(here)}`;
      if (!keep) return void (await api.delete(path));
      const { system, model, preset: _preset, ...rest } = settings;
      // A template that the preset has is none of a chat's settings, and stays.
      const { template, variables } = there ?? {};
      await api.put(path, { system: system ?? null, model: model ?? null, settings: rest, ...(template ? { template, variables: variables ?? [] } : {}) });
    },
    onSuccess: async (_, keep) => {
      await queries.invalidateQueries({ queryKey: keys.presets });
      onKept(keep ? here : null);
    },
    onError: complain,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate(true);
      }}
    >
      <TextInput label={strings.settings.keepAs} value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={60} />
      <Group gap="sm" mt="sm">
        <Button type="submit" size="xs" variant="default" disabled={!here} loading={change.isPending}>
          {there ? strings.settings.replacePreset : strings.settings.keepPreset}
        </Button>
        {there ? (
          <Button size="xs" variant="subtle" color="red" onClick={() => change.mutate(false)}>
            {strings.settings.forgetPreset}
          </Button>
        ) : null}
      </Group>
    </form>
  );
}

export function ChatSettingsPanel({ settings, onChange }: { settings: ChatSettings; onChange: (next: ChatSettings) => void }): ReactNode {
  const presets = usePresets();
  const [system, setSystem] = useState(settings.system ?? "");

  useEffect(() => setSystem(settings.system ?? ""), [settings.system]);

  const set = (change: ChatSettings): void => onChange({ ...settings, ...change });

  return (
    <Stack gap="lg">
      {presets.data && presets.data.items.length > 0 ? (
        <Select
          label={strings.settings.preset}
          clearable
          value={settings.preset ?? null}
          data={presets.data.items.map((one) => one.name)}
          onChange={(name) => {
            const preset = presets.data.items.find((one) => one.name === name);
            onChange(preset ? applied(settings, preset) : { ...settings, preset: null });
          }}
        />
      ) : null}
      <Textarea
        label={strings.settings.system}
        description={strings.settings.systemHint}
        autosize
        minRows={3}
        maxRows={12}
        value={system}
        onChange={(event) => setSystem(event.currentTarget.value)}
        onBlur={() => system !== (settings.system ?? "") && set({ system: system.trim() || null })}
      />
      <SamplingFields settings={settings} onChange={onChange} />
      <Keep settings={settings} known={presets.data?.items ?? NONE} onKept={(preset) => set({ preset })} />
      {Object.values(settings).some((value) => value !== null && value !== undefined && value !== settings.model) ? (
        <Button variant="default" onClick={() => onChange(settings.model ? { model: settings.model } : {})}>
          {strings.settings.modelDefault}
        </Button>
      ) : null}
    </Stack>
  );
}
