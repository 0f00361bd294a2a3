// What `/` offers in the message field: templates to insert, and presets to take. The field keeps the focus.
import { Text } from "@mantine/core";
import { IconAdjustmentsHorizontal, IconTemplate } from "@tabler/icons-react";
import { type KeyboardEvent, type ReactNode, Suspense, lazy, useEffect, useId, useRef, useState } from "react";
import { Link } from "react-router";

import { usePresets } from "../api/queries";
import type { ChatSettings, Preset } from "../api/types";
import { strings } from "../i18n/strings";
import { type Choice, applied, choices, setsAnything, variablesOf } from "./templates";

const FillForm = lazy(async () => ({ default: (await import("./FillForm")).FillForm }));

interface Given {
  text: string;
  onText: (text: string) => void;
  onSend: (text: string, using: ChatSettings) => void;
  settings: ChatSettings;
  onSettings: (next: ChatSettings) => void;
  /** whether nothing was asked in this chat yet: then a preset's settings come with its template */
  fresh: boolean;
  focus: () => void;
}

export interface Slash {
  /** Opens the list over what is written, which then is what is asked. */
  open: () => void;
  /** Whether a key was meant for the list. */
  onKey: (event: KeyboardEvent) => boolean;
  aria: Record<string, string | undefined>;
  list: ReactNode;
  form: ReactNode;
}

function Row({ id, preset, on, onHover, onPick }: { id: string; preset: Preset; on: boolean; onHover: () => void; onPick: () => void }): ReactNode {
  const Icon = preset.template ? IconTemplate : IconAdjustmentsHorizontal;
  return (
    <div id={id} role="option" aria-selected={on} className="slash-row" onMouseMove={onHover} onMouseDown={(event) => event.preventDefault()} onClick={onPick}>
      <Icon size={16} stroke={1.6} aria-hidden />
      <strong>{preset.name}</strong>
      <span className="preview">{(preset.template ?? preset.system ?? preset.model ?? "").replace(/\s+/g, " ")}</span>
    </div>
  );
}

const WRITTEN = /^\/([^\n]{0,80})$/;

export function useSlash(given: Given): Slash {
  const { text, onText, focus } = given;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const [called, setCalled] = useState(false);
  const [closed, setClosed] = useState(false);
  const [at, setAt] = useState(0);
  const [filling, setFilling] = useState<Choice | null>(null);
  const written = WRITTEN.exec(text)?.[1];
  const wanted = called || (written !== undefined && !closed);
  const { data } = usePresets(wanted);
  const found = wanted && data ? choices(data.items, called ? "" : (written ?? "")) : [];
  const none = wanted && data !== undefined && data.items.length === 0 && (called || written === "");
  const shown = found.length > 0 || none;
  const on = Math.min(at, found.length - 1);

  useEffect(() => {
    setAt(0);
    if (written === undefined) setClosed(false);
  }, [written]);
  useEffect(() => setCalled(false), [text]);
  useEffect(() => {
    box.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [on]);

  const close = (): void => {
    setCalled(false);
    setClosed(true);
  };
  const insert = (preset: Preset, message: string, withSettings: boolean, send: boolean): void => {
    const using = withSettings && setsAnything(preset) ? applied(given.settings, preset) : given.settings;
    if (using !== given.settings) given.onSettings(using);
    setFilling(null);
    if (send) {
      onText("");
      given.onSend(message, using);
    } else onText(message);
    requestAnimationFrame(focus);
  };
  const pick = (choice: Choice): void => {
    const input = called && written === undefined ? text : choice.input;
    close();
    const { preset } = choice;
    if (!preset.template) {
      given.onSettings(applied(given.settings, preset));
      onText(input);
      requestAnimationFrame(focus);
    } else if (variablesOf(preset.template).length > 0) setFilling({ preset, input });
    else insert(preset, input ? `${preset.template.trimEnd()}\n\n${input}` : preset.template, given.fresh, false);
  };

  return {
    open: () => {
      setClosed(false);
      setCalled(true);
      setAt(0);
      focus();
    },
    onKey: (event) => {
      if (!shown || event.nativeEvent.isComposing) return false;
      const choice = found[on];
      if (event.key === "Escape") close();
      else if (event.key === "ArrowDown") setAt((on + 1) % Math.max(1, found.length));
      else if (event.key === "ArrowUp") setAt((on - 1 + found.length) % Math.max(1, found.length));
      else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && choice) pick(choice);
      else return false;
      event.preventDefault();
      event.stopPropagation();
      return true;
    },
    aria: shown
      ? { "aria-autocomplete": "list", "aria-controls": id, "aria-activedescendant": found.length > 0 ? `${id}-${on}` : undefined }
      : {},
    list: (
      <>
        <div className="visually-hidden" role="status">
          {shown ? strings.templates.found(found.length) : ""}
        </div>
        {shown ? (
          <div className="slash-place">
            <div className="measure">
              <div className="slash" ref={box}>
                {none ? (
                  <Text size="sm" c="dimmed" p="sm">
                    {strings.templates.none} <Link to="/settings?tab=presets">{strings.templates.makeOne}</Link>
                  </Text>
                ) : (
                  <div role="listbox" id={id} aria-label={strings.templates.title}>
                    {found.map((choice, index) => (
                      <Row key={choice.preset.name} id={`${id}-${index}`} preset={choice.preset} on={index === on} onHover={() => index !== on && setAt(index)} onPick={() => pick(choice)} />
                    ))}
                  </div>
                )}
              </div>
            </div>
          </div>
        ) : null}
      </>
    ),
    form: filling ? (
      <Suspense fallback={null}>
        <FillForm
          preset={filling.preset}
          input={filling.input}
          fresh={given.fresh}
          onClose={() => {
            setFilling(null);
            requestAnimationFrame(focus);
          }}
          onDone={(message, withSettings, send) => insert(filling.preset, message, withSettings, send)}
        />
      </Suspense>
    ) : null,
  };
}
