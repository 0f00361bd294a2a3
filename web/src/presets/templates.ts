// Templates of messages, as the gateway and the terminal read them: `{{name}}` is a variable, `{{input}}` what is asked.
import type { ChatSettings, Preset } from "../api/types";

export const QUESTION = "input";
const VARIABLE = /\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}/g;

/** The names of a template's variables, in order, each once. */
export function variablesOf(template: string): string[] {
  return [...new Set([...template.matchAll(VARIABLE)].map((found) => found[1] ?? ""))];
}

/** The message that a template becomes. What values hold is not looked at again; a variable without a value stays. */
export function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(VARIABLE, (whole, name: string) => (Object.hasOwn(values, name) && values[name]) || whole);
}

/** A variable's name as a label. */
export function labelOf(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Whether a preset sets anything beside its template. */
export function setsAnything(preset: Preset): boolean {
  const own = [preset.model, preset.system, ...Object.values(preset.settings)];
  return own.some((value) => value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0));
}

/** A chat's settings once a preset is taken; a preset without a model leaves the chat's. */
export function applied(settings: ChatSettings, preset: Preset): ChatSettings {
  return { ...preset.settings, system: preset.system ?? null, model: preset.model ?? settings.model ?? null, preset: preset.name };
}

export interface Choice {
  preset: Preset;
  /** what stands behind the name, and is to be asked */
  input: string;
}

/** What somebody who writes `/…` may mean, templates first. */
export function choices(presets: readonly Preset[], written: string): Choice[] {
  const sorted = [...presets.filter((one) => one.template), ...presets.filter((one) => !one.template)];
  const query = written.toLowerCase();
  const behind = sorted.filter((one) => query.startsWith(`${one.name.toLowerCase()} `));
  if (behind.length > 0) return behind.map((preset) => ({ preset, input: written.slice(preset.name.length).trim() }));
  const rank = (one: Preset): number => Number(!one.name.toLowerCase().startsWith(query));
  return sorted
    .filter((one) => one.name.toLowerCase().includes(query))
    .sort((one, other) => rank(one) - rank(other))
    .map((preset) => ({ preset, input: "" }));
}
