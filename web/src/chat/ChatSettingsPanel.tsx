// What one chat asks of its models: system prompt, sampling, effort, schema, preset. Saved when a field is left.
import { Button, Group, JsonInput, NumberInput, Select, Stack, TextInput, Textarea } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";

import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api } from "../api/client";
import { keys, usePresets } from "../api/queries";
import type { ChatSettings } from "../api/types";
import { complain } from "../components/ChatMenu";
import { strings } from "../i18n/strings";

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh"];

const NONE: string[] = [];

/** Keeps these settings under a name, for other chats, or forgets such a name. */
function Keep({ settings, known, onKept }: { settings: ChatSettings; known: string[]; onKept: (name: string | null) => void }): ReactNode {
  const queries = useQueryClient();
  const [name, setName] = useState(settings.preset ?? "");
  useEffect(() => setName(settings.preset ?? ""), [settings.preset]);
  const here = name.trim();
  const change = useMutation({
    mutationFn: async (keep: boolean) => {
      const path = `/api/presets/${encodeURIComponent(here)}`;
      if (!keep) return void (await api.delete(path));
      const { system, model, preset: _preset, ...rest } = settings;
      await api.put(path, { system: system ?? null, model: model ?? null, settings: rest });
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
          {known.includes(here) ? strings.settings.replacePreset : strings.settings.keepPreset}
        </Button>
        {known.includes(here) ? (
          <Button size="xs" variant="subtle" color="red" onClick={() => change.mutate(false)}>
            {strings.settings.forgetPreset}
          </Button>
        ) : null}
      </Group>
    </form>
  );
}

function schemaText(schema: unknown): string {
  return schema === undefined || schema === null ? "" : JSON.stringify(schema, null, 2);
}

export function ChatSettingsPanel({ settings, onChange }: { settings: ChatSettings; onChange: (next: ChatSettings) => void }): ReactNode {
  const presets = usePresets();
  const [system, setSystem] = useState(settings.system ?? "");
  const [schema, setSchema] = useState(schemaText(settings.json_schema));
  const [bad, setBad] = useState(false);

  useEffect(() => setSystem(settings.system ?? ""), [settings.system]);
  useEffect(() => setSchema(schemaText(settings.json_schema)), [settings.json_schema]);

  const set = (change: ChatSettings): void => onChange({ ...settings, ...change });
  const figure = (value: string | number): number | null => (value === "" ? null : Number(value));
  const saveSchema = (): void => {
    if (schema.trim() === "") {
      setBad(false);
      if (settings.json_schema) set({ json_schema: null });
      return;
    }
    try {
      const parsed: unknown = JSON.parse(schema);
      const fits = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
      setBad(!fits);
      if (fits) set({ json_schema: parsed });
    } catch {
      setBad(true);
    }
  };

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
            set(preset ? { ...preset.settings, system: preset.system ?? null, model: preset.model ?? settings.model ?? null, preset: name } : { preset: null });
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
      <NumberInput
        label={strings.settings.temperature}
        placeholder={strings.settings.modelDefault}
        min={0}
        max={2}
        step={0.1}
        decimalScale={2}
        value={settings.temperature ?? ""}
        onChange={(value) => set({ temperature: figure(value) })}
      />
      <NumberInput
        label={strings.settings.topP}
        placeholder={strings.settings.modelDefault}
        min={0}
        max={1}
        step={0.05}
        decimalScale={3}
        value={settings.top_p ?? ""}
        onChange={(value) => set({ top_p: figure(value) })}
      />
      <NumberInput
        label={strings.settings.maxTokens}
        placeholder={strings.settings.modelDefault}
        min={1}
        allowDecimal={false}
        thousandSeparator
        value={settings.max_output_tokens ?? ""}
        onChange={(value) => set({ max_output_tokens: figure(value) })}
      />
      <Select
        label={strings.settings.effort}
        placeholder={strings.settings.modelDefault}
        clearable
        value={settings.reasoning_effort ?? null}
        data={EFFORTS.map((value) => ({ value, label: strings.settings.efforts[value] ?? value }))}
        onChange={(value) => set({ reasoning_effort: value })}
      />
      <JsonInput
        label={strings.settings.schema}
        description={strings.settings.schemaHint}
        autosize
        minRows={3}
        maxRows={16}
        formatOnBlur
        value={schema}
        onChange={setSchema}
        onBlur={saveSchema}
        error={bad ? strings.settings.schemaBad : null}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }}
      />
      <Keep settings={settings} known={presets.data?.items.map((one) => one.name) ?? NONE} onKept={(preset) => set({ preset })} />
      {Object.values(settings).some((value) => value !== null && value !== undefined && value !== settings.model) ? (
        <Button variant="default" onClick={() => onChange(settings.model ? { model: settings.model } : {})}>
          {strings.settings.modelDefault}
        </Button>
      ) : null}
    </Stack>
  );
}
