// How a model is to answer: sampling, length, effort, schema. What is empty is left to the model.
import { JsonInput, NumberInput, Select } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";

import type { ChatSettings } from "../api/types";
import { strings } from "../i18n/strings";

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh"];

function schemaText(schema: unknown): string {
  return schema === undefined || schema === null ? "" : JSON.stringify(schema, null, 2);
}

export function SamplingFields({ settings, onChange }: { settings: ChatSettings; onChange: (next: ChatSettings) => void }): ReactNode {
  const [schema, setSchema] = useState(schemaText(settings.json_schema));
  const [bad, setBad] = useState(false);

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
    <>
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
    </>
  );
}
