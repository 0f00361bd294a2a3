// Every model there is, by name, provider or what it can; favourites and recent ones first. A list box: arrows, Enter.
import { Modal, Text, TextInput } from "@mantine/core";
import { IconSearch, IconStar, IconStarFilled } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";

import { useModels } from "../api/queries";
import type { Model } from "../api/types";
import { Capabilities } from "../components/Capabilities";
import { Failure } from "../components/Failure";
import { Monogram } from "../components/Monogram";
import { StateMark } from "../components/StateMark";
import { short } from "../format";
import { strings } from "../i18n/strings";
import { Keys } from "../shortcuts/Keys";
import { means, useKeys } from "../shortcuts/listen";
import { useKept } from "../state/kept";
import { filter, priceOf, usable } from "./models";

const NONE: string[] = [];
const RECENT = 5;

export function useFavourites(): { favourites: string[]; toggle: (id: string) => void } {
  const [favourites, setFavourites] = useKept<string[]>("favourites", NONE);
  const toggle = (id: string): void =>
    setFavourites(favourites.includes(id) ? favourites.filter((one) => one !== id) : [...favourites, id]);
  return { favourites, toggle };
}

type Row = { label: string } | { model: Model };

function rowsOf(models: Model[], query: string, favourites: string[], recent: string[]): Row[] {
  if (query.trim()) return filter(models, query).map((model) => ({ model }));
  const byId = new Map(models.map((model) => [model.id, model]));
  const taken = new Set<string>();
  const rows: Row[] = [];
  const section = (label: string, found: (Model | undefined)[]): void => {
    const fresh = found.filter((model): model is Model => model !== undefined && !taken.has(model.id));
    if (fresh.length === 0) return;
    rows.push({ label });
    for (const model of fresh) {
      taken.add(model.id);
      rows.push({ model });
    }
  };
  section(strings.picker.favourites, favourites.map((id) => byId.get(id)));
  section(strings.picker.recent, recent.map((id) => byId.get(id)));
  section(strings.picker.all, [...models.filter(usable), ...models.filter((model) => !usable(model))]);
  return rows;
}

/** What keys do here besides choosing. */
function Hints(): ReactNode {
  const compare = useKeys("compareWith");
  const favourite = useKeys("favourite");
  return (
    <div className="hints">
      {compare === null ? null : (
        <span>
          <Keys keys={compare} /> {strings.picker.compareHint}
        </span>
      )}
      {favourite === null ? null : (
        <span>
          <Keys keys={favourite} /> {strings.picker.favouriteHint}
        </span>
      )}
    </div>
  );
}

interface Given {
  opened: boolean;
  onClose: () => void;
  onPick: (model: Model) => void;
  current: string;
}

export function ModelPicker({ opened, onClose, onPick, current }: Given): ReactNode {
  return (
    <Modal opened={opened} onClose={onClose} title={strings.picker.title} size="lg" padding="md" keepMounted={false} yOffset="8dvh">
      <Picker onClose={onClose} onPick={onPick} current={current} />
    </Modal>
  );
}

function Picker({ onClose, onPick, current }: Omit<Given, "opened">): ReactNode {
  const { data, error, refetch } = useModels();
  const go = useNavigate();
  const id = useId();
  const [query, setQuery] = useState("");
  const { favourites, toggle } = useFavourites();
  const [recent, setRecent] = useKept<string[]>("recent-models", NONE);
  const rows = useMemo(() => rowsOf(data?.items ?? [], query, favourites, recent), [data, query, favourites, recent]);
  const choices = useMemo(() => rows.flatMap((row, at) => ("model" in row ? [at] : [])), [rows]);
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const on = choices[Math.min(at, choices.length - 1)] ?? -1;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => list.current,
    estimateSize: (index) => ("label" in (rows[index] ?? { label: "" }) ? 32 : 54),
    overscan: 6,
  });

  useEffect(() => setAt(0), [query]);

  const pick = (model: Model): void => {
    setRecent([model.id, ...recent.filter((one) => one !== model.id)].slice(0, RECENT));
    onClose();
    onPick(model);
  };
  const move = (to: number): void => {
    const next = Math.max(0, Math.min(choices.length - 1, to));
    setAt(next);
    const row = choices[next];
    if (row !== undefined) virtual.scrollToIndex(row, { align: "auto" });
  };
  const onKey = (event: KeyboardEvent): void => {
    const row = rows[on];
    if (event.key === "ArrowDown") move(at + 1);
    else if (event.key === "ArrowUp") move(at - 1);
    else if (event.key === "PageDown") move(at + 8);
    else if (event.key === "PageUp") move(at - 8);
    else if (row && means(event.nativeEvent, "favourite") && "model" in row) toggle(row.model.id);
    else if (row && "model" in row && means(event.nativeEvent, "compareWith")) {
      onClose();
      void go(`/compare?m=${encodeURIComponent(current)}&m=${encodeURIComponent(row.model.id)}`);
    } else if (event.key === "Enter" && row && "model" in row) {
      if (row.model.state === "missing") void go(`/settings?provider=${encodeURIComponent(row.model.provider)}`);
      else pick(row.model);
    } else return;
    event.preventDefault();
  };

  return (
    <>
      <TextInput
        data-autofocus
        role="combobox"
        aria-expanded
        aria-controls={`${id}-list`}
        aria-activedescendant={on >= 0 ? `${id}-${on}` : undefined}
        aria-label={strings.picker.filter}
        placeholder={strings.picker.filter}
        leftSection={<IconSearch size={16} />}
        value={query}
        onChange={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={onKey}
        mb="sm"
      />
      {error ? <Failure error={error} retry={() => void refetch()} /> : null}
      {data && choices.length === 0 ? (
        <Text c="dimmed" size="sm" py="lg" ta="center">
          {strings.picker.none}
        </Text>
      ) : null}
      <div ref={list} className="models-list" id={`${id}-list`} role="listbox" aria-label={strings.picker.title}>
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            const place = { position: "absolute", insetInline: 0, top: 0, height: item.size, transform: `translateY(${item.start}px)` } as const;
            if ("label" in row) {
              return (
                <div key={item.key} className="sidelabel" role="presentation" style={place}>
                  {row.label}
                </div>
              );
            }
            const { model } = row;
            const starred = favourites.includes(model.id);
            const label = starred ? strings.picker.unfavourite : strings.picker.favourite;
            return (
              <div
                key={item.key}
                id={`${id}-${item.index}`}
                role="option"
                aria-selected={model.id === current}
                aria-description={starred ? strings.picker.starred : undefined}
                className="model-row"
                style={place}
                {...(item.index === on ? { "data-on": true } : {})}
                {...(usable(model) ? {} : { "data-dim": true })}
                onMouseMove={() => {
                  const next = choices.indexOf(item.index);
                  if (next !== at) setAt(next);
                }}
                onClick={() => (model.state === "missing" ? void go(`/settings?provider=${encodeURIComponent(model.provider)}`) : pick(model))}
              >
                <Monogram name={model.provider} />
                <span style={{ minWidth: 0 }}>
                  <Text size="sm" fw={model.id === current ? 650 : 500} truncate>
                    {model.name}
                  </Text>
                  <span className="sub figure">
                    {model.alias ? (model.targets ?? []).join(" → ") : model.provider} <Capabilities model={model} size={13} />
                  </span>
                </span>
                <span style={{ textAlign: "right" }} className="sub figure">
                  <span style={{ display: "flex", alignItems: "center", gap: 6, justifyContent: "flex-end" }}>
                    {model.state === "missing" ? <span>{strings.picker.addKey}</span> : <StateMark state={model.state} />}
                    <span
                      className="star"
                      title={label}
                      aria-hidden
                      onClick={(event) => {
                        event.stopPropagation();
                        toggle(model.id);
                      }}
                    >
                      {starred ? <IconStarFilled size={14} /> : <IconStar size={14} />}
                    </span>
                  </span>
                  {model.context === null ? "" : `${strings.picker.contextOf(short(model.context))} · `}
                  {priceOf(model)}
                </span>
              </div>
            );
          })}
        </div>
      </div>
      <Hints />
    </>
  );
}
