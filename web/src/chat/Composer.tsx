// Where one writes: text, attachments, the model, what sending would cost, and the one primary action.
import { ActionIcon, FileButton, Menu, Text, Textarea, Tooltip } from "@mantine/core";
import { useDebouncedValue, useMediaQuery } from "@mantine/hooks";
import {
  IconArrowUp,
  IconBulb,
  IconChevronDown,
  IconEraser,
  IconMicrophone,
  IconPaperclip,
  IconPlayerStopFilled,
  IconTemplate,
  IconX,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ClipboardEvent, type KeyboardEvent, type ReactNode, type RefObject, useCallback, useMemo, useState } from "react";

import { api } from "../api/client";
import type { ChatSettings, Estimate, Model, Part } from "../api/types";
import { complain } from "../components/ChatMenu";
import { Monogram } from "../components/Monogram";
import { money, short } from "../format";
import { strings } from "../i18n/strings";
import { useSlash } from "../presets/Slash";
import { Hint } from "../shortcuts/Keys";
import { means, useAction } from "../shortcuts/listen";
import { LONG_PASTE, type Attachment, attachment, refused, textAttachment } from "./attachments";
import { providerOf } from "./models";
import { ToolMenu } from "./ToolMenu";
import { canDictate, useDictation } from "./speech";

const EFFORTS = ["none", "minimal", "low", "medium", "high"];

interface Given {
  conversation: string | undefined;
  parent: string | null;
  modelId: string;
  model: Model | undefined;
  models: Model[];
  settings: ChatSettings;
  text: string;
  onText: (text: string) => void;
  attached: Attachment[];
  /** changes what is attached as it is by then: a file may take its time to be read */
  onAttached: (change: (before: Attachment[]) => Attachment[]) => void;
  running: boolean;
  busy: boolean;
  onSend: (parts: Part[], using?: ChatSettings) => void;
  onStop: () => void;
  onPickModel: () => void;
  onModel: (model: Model) => void;
  onSettings: (change: ChatSettings) => void;
  onClear: () => void;
  onEditLast: () => void;
  field: RefObject<HTMLTextAreaElement | null>;
}

export function partsOf(text: string, attached: Attachment[]): Part[] {
  const parts = attached.map((one) => one.part);
  return text.trim() ? [...parts, { type: "text", text: text.trim() }] : parts;
}

function useEstimate(given: Given, parts: Part[]): Estimate | undefined {
  const question = useMemo(
    () => ({
      model: given.modelId,
      ...(given.conversation ? { conversation: given.conversation, parent: given.parent } : {}),
      parts,
      settings: given.settings,
    }),
    [given.modelId, given.conversation, given.parent, parts, given.settings],
  );
  const [settled] = useDebouncedValue(question, 400);
  const { data } = useQuery({
    queryKey: ["estimate", settled],
    queryFn: ({ signal }) => api.post<Estimate>("/api/estimate", settled, signal),
    enabled: settled.parts.length > 0 && !given.running,
    retry: false,
    staleTime: 30_000,
    gcTime: 30_000,
  });
  return parts.length > 0 ? data : undefined;
}

export function Composer(given: Given): ReactNode {
  const { text, onText, attached, onAttached, model, field } = given;
  const touch = useMediaQuery("(pointer: coarse)");
  const [over, setOver] = useState(false);
  const parts = useMemo(() => partsOf(text, attached), [text, attached]);
  const estimate = useEstimate(given, parts);
  const refusal = refused(model, attached, given.models);
  const ready = parts.length > 0 && !given.running && !given.busy && !refusal;
  const dictation = useDictation(useCallback((said: string) => onText(`${field.current?.value ?? ""} ${said.trim()}`.trim()), [onText, field]));

  const addFiles = async (files: Iterable<File>): Promise<void> => {
    const added: Attachment[] = [];
    for (const file of files) {
      try {
        added.push(await attachment(file));
      } catch (error) {
        complain(error);
      }
    }
    if (added.length > 0) onAttached((before) => [...before, ...added]);
  };

  const onPaste = (event: ClipboardEvent): void => {
    const files = [...event.clipboardData.files];
    if (files.length > 0) {
      event.preventDefault();
      void addFiles(files);
      return;
    }
    const pasted = event.clipboardData.getData("text/plain");
    if (pasted.length > LONG_PASTE) {
      event.preventDefault();
      onAttached((before) => [...before, textAttachment(strings.chat.pasted(pasted.length), pasted)]);
    }
  };

  const slash = useSlash({
    text,
    onText,
    onSend: (message, using) => (given.running || given.busy || refusal ? onText(message) : given.onSend(partsOf(message, attached), using)),
    settings: given.settings,
    onSettings: given.onSettings,
    fresh: given.parent === null,
    focus: () => field.current?.focus(),
  });
  useAction("templates", slash.open);

  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.nativeEvent.isComposing || slash.onKey(event)) return;
    const native = event.nativeEvent;
    if (means(native, "send") && !(touch && event.key === "Enter")) {
      event.preventDefault();
      if (ready) given.onSend(parts);
    } else if (means(native, "newLine") && (event.key !== "Enter" || event.altKey || event.ctrlKey || event.metaKey)) {
      // Enter and Shift+Enter begin a line by themselves; what else was chosen for it does not.
      event.preventDefault();
      const box = event.currentTarget;
      box.setRangeText("\n", box.selectionStart, box.selectionEnd, "end");
      onText(box.value);
    } else if (means(native, "editLast") && text === "" && attached.length === 0) {
      event.preventDefault();
      given.onEditLast();
    }
  };

  const writing = (
    <div className="composer-wrap">
      <div className="measure">
        {refusal ? (
          <Text size="sm" c="red" role="alert" mb={6}>
            {strings.chat.cannotTake(model?.name ?? given.modelId, refusal.what)}{" "}
            {refusal.instead.length > 0 ? strings.chat.modelsThatCan : ""}{" "}
            {refusal.instead.map((other) => (
              <button key={other.id} type="button" className="pill" onClick={() => given.onModel(other)}>
                {other.name}
              </button>
            ))}
          </Text>
        ) : null}
        {estimate && !estimate.fits ? (
          <Text size="sm" c="red" role="alert" mb={6}>
            {strings.chat.full}
          </Text>
        ) : null}
        <form
          className="composer"
          aria-label={strings.chat.placeholder}
          onSubmit={(event) => {
            event.preventDefault();
            if (ready) given.onSend(parts);
          }}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            void addFiles(event.dataTransfer.files);
          }}
        >
          {over ? (
            <Text size="sm" c="dimmed" px="sm">
              {strings.chat.drop}
            </Text>
          ) : null}
          {attached.length > 0 ? (
            <div className="chips">
              {attached.map((one) => (
                <span className="chip" key={one.key}>
                  {one.preview ? <img src={one.preview} alt="" /> : <IconPaperclip size={14} aria-hidden />}
                  <span>{one.name}</span>
                  <ActionIcon
                    size="sm"
                    variant="subtle"
                    color="gray"
                    aria-label={`${strings.remove}: ${one.name}`}
                    onClick={() => onAttached((before) => before.filter((other) => other.key !== one.key))}
                  >
                    <IconX size={13} />
                  </ActionIcon>
                </span>
              ))}
            </div>
          ) : null}
          <Textarea
            ref={field}
            {...slash.aria}
            variant="unstyled"
            autosize
            minRows={1}
            maxRows={14}
            value={text}
            onChange={(event) => onText(event.currentTarget.value)}
            onKeyDown={onKey}
            onPaste={onPaste}
            placeholder={strings.chat.placeholder}
            aria-label={strings.chat.placeholder}
            autoFocus={!touch}
          />
          <div className="composer-row">
            <FileButton onChange={(files) => void addFiles(files)} multiple>
              {(props) => (
                <Tooltip label={strings.chat.attach}>
                  <ActionIcon {...props} variant="subtle" color="gray" size="lg" aria-label={strings.chat.attach}>
                    <IconPaperclip size={18} stroke={1.6} />
                  </ActionIcon>
                </Tooltip>
              )}
            </FileButton>
            <Tooltip label={<Hint label={strings.templates.insertOne} of="templates" />}>
              <ActionIcon variant="subtle" color="gray" size="lg" aria-label={strings.templates.insertOne} onClick={slash.open}>
                <IconTemplate size={18} stroke={1.6} />
              </ActionIcon>
            </Tooltip>
            {canDictate ? (
              <Tooltip label={dictation.listening ? strings.chat.dictating : strings.chat.dictate}>
                <ActionIcon
                  variant={dictation.listening ? "light" : "subtle"}
                  color={dictation.listening ? "red" : "gray"}
                  size="lg"
                  aria-label={strings.chat.dictate}
                  aria-pressed={dictation.listening}
                  onClick={dictation.toggle}
                >
                  <IconMicrophone size={18} stroke={1.6} />
                </ActionIcon>
              </Tooltip>
            ) : null}
            <Effort given={given} />
            <ToolMenu settings={given.settings} model={model} onChange={(tools) => given.onSettings({ ...given.settings, tools })} />
            <button type="button" className="pill model-pill" onClick={given.onPickModel} aria-label={strings.picker.button(given.modelId)} aria-haspopup="dialog" style={{ flex: "0 1 auto" }}>
              <Monogram name={model?.provider ?? providerOf(given.modelId)} size={18} />
              <span className="name">{model?.name ?? given.modelId}</span>
              <IconChevronDown size={14} aria-hidden />
            </button>
            <Tooltip label={strings.chat.clear}>
              <ActionIcon variant="subtle" color="gray" size="lg" className="narrow-not" aria-label={strings.chat.clear} onClick={given.onClear}>
                <IconEraser size={18} stroke={1.6} />
              </ActionIcon>
            </Tooltip>
            <span className="gap" />
            {estimate ? (
              <Tooltip label={strings.chat.estimateWhy} multiline maw={280}>
                <Text size="xs" c="dimmed" className="figure estimate" tabIndex={0}>
                  {strings.chat.estimate(short(estimate.input_tokens), money(estimate.cost), estimate.exact)}
                </Text>
              </Tooltip>
            ) : null}
            {given.running ? (
              <Tooltip label={<Hint label={strings.chat.stop} of="stop" />}>
                <ActionIcon size="lg" radius="xl" variant="filled" color="gray" aria-label={strings.chat.stop} onClick={given.onStop}>
                  <IconPlayerStopFilled size={16} />
                </ActionIcon>
              </Tooltip>
            ) : (
              <ActionIcon type="submit" size="lg" radius="xl" variant="filled" aria-label={strings.chat.send} disabled={!ready} loading={given.busy}>
                <IconArrowUp size={18} />
              </ActionIcon>
            )}
          </div>
        </form>
      </div>
    </div>
  );
  return (
    <div className="composer-place">
      {slash.list}
      {writing}
      {slash.form}
    </div>
  );
}

function Effort({ given }: { given: Given }): ReactNode {
  const { model, settings } = given;
  if (!model?.capabilities["reasoning"]) return null;
  const chosen = settings.reasoning_effort ?? null;
  return (
    <Menu position="top-start" withinPortal>
      <Menu.Target>
        <Tooltip label={strings.chat.reasoning}>
          <button type="button" className="pill" aria-label={strings.chat.reasoning}>
            <IconBulb size={16} stroke={1.6} aria-hidden />
            {chosen ? (strings.settings.efforts[chosen] ?? chosen) : ""}
          </button>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{strings.chat.reasoning}</Menu.Label>
        <Menu.Item onClick={() => given.onSettings({ ...settings, reasoning_effort: null })} aria-current={chosen === null}>
          {strings.settings.modelDefault}
        </Menu.Item>
        {EFFORTS.map((effort) => (
          <Menu.Item key={effort} onClick={() => given.onSettings({ ...settings, reasoning_effort: effort })} aria-current={chosen === effort} {...(chosen === effort ? { fw: 650 } : {})}>
            {strings.settings.efforts[effort]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

