// A call by voice, beside the page: who talks and works, how the call stands, what was said, and how loud one is.
import { ActionIcon, Alert, Button, Drawer, Group, Loader, ScrollArea, Select, Stack, Text, Title, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconEar, IconHeadset, IconMicrophone, IconMicrophoneOff, IconPhoneOff, IconPlayerPlay, IconSparkles, IconVolume, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from "react";

import { api } from "../api/client";
import type { ApiProblem } from "../api/types";
import { Failure, FailureInfo } from "../components/Failure";
import { strings } from "../i18n/strings";
import { useKept } from "../state/kept";
import { type Told, call } from "./call";
import { type Choice, type Line, type Offer, names, remembered, same } from "./choices";
import { type Phase, inCall, voice } from "./state";

const text = strings.voice;
const EVERY = 80;
const MOST_SHOWN = 60;

export function VoicePanel({ narrow }: { narrow: boolean }): ReactNode {
  const close = (): void => voice.change({ opened: false });
  if (narrow) {
    return (
      <Drawer opened onClose={close} position="right" size="100%" title={text.title} closeButtonProps={{ "aria-label": text.hide }} styles={{ body: { height: "calc(100% - 60px)" }, title: { fontWeight: 600 } }}>
        <Body />
      </Drawer>
    );
  }
  return (
    <aside className="voice" aria-label={text.title}>
      <Group justify="space-between" wrap="nowrap" mb="sm">
        <Title order={2} fz="md">
          {text.title}
        </Title>
        <Tooltip label={text.hide}>
          <ActionIcon variant="subtle" color="gray" onClick={close} aria-label={text.hide}>
            <IconX size={18} />
          </ActionIcon>
        </Tooltip>
      </Group>
      <Body />
    </aside>
  );
}

function Body(): ReactNode {
  const told = useSyncExternalStore(call.subscribe, call.get);
  const offered = useQuery({ queryKey: ["voice"], queryFn: ({ signal }) => api.get<Offer>("/api/voice", signal), staleTime: 60_000 });
  const [kept, setKept] = useKept<Choice | null>("voice", null);
  if (offered.error) return <Failure error={offered.error} retry={() => void offered.refetch()} />;
  if (!offered.data) return <Loader m="auto" aria-label={strings.loading} />;
  const offer = offered.data;
  const calling = inCall(told.phase);
  // While the agent has not answered, what was asked for is shown; then what is in force.
  const choice = calling && told.wish ? (told.inForce && !told.pending ? names(told.inForce) : told.wish) : remembered(kept, offer);
  const choose = (next: Choice): void => {
    setKept(next);
    if (calling) call.choose(next);
  };
  return (
    <div className="voice-body">
      {calling ? <Standing told={told} /> : null}
      {told.phase === "failed" && told.problem ? <Ended info={told.problem} /> : null}
      {told.phase === "idle" ? (
        <Text size="sm" c="dimmed">
          {text.lead}
        </Text>
      ) : null}
      <Pickers offer={offer} choice={choice} told={told} onChoose={choose} />
      {calling || told.lines.length > 0 ? <Transcript lines={told.lines} /> : null}
      {calling ? (
        <Controls told={told} />
      ) : (
        <Stack gap={6}>
          <Button leftSection={<IconHeadset size={18} aria-hidden />} onClick={() => void call.join(choice)}>
            {told.phase === "failed" || told.lines.length > 0 ? text.again : text.start}
          </Button>
          <Text size="xs" c="dimmed" ta="center">
            {text.startHint}
          </Text>
        </Stack>
      )}
    </div>
  );
}

/** Why there is no call: what the gateway says of it as everywhere, and what only the browser knows. */
function Ended({ info }: { info: ApiProblem }): ReactNode {
  if (info.request_id) return <FailureInfo info={info} />;
  return (
    <Alert variant="outline" color="red" icon={<IconAlertTriangle size={18} aria-hidden />} title={info.message} role="alert">
      <Text size="sm">{info.remedy}</Text>
    </Alert>
  );
}

const MARKS: Record<Phase, typeof IconEar | null> = {
  idle: null,
  connecting: null,
  waiting: null,
  listening: IconEar,
  thinking: IconSparkles,
  speaking: IconVolume,
  failed: null,
};

function Standing({ told }: { told: Told }): ReactNode {
  const ring = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const timer = setInterval(() => {
      ring.current?.style.setProperty("--level", still ? "0" : String(Math.min(1, call.levels().theirs * 2)));
    }, EVERY);
    return () => clearInterval(timer);
  }, []);
  const Mark = MARKS[told.phase];
  const words = text.phases[told.phase];
  return (
    <Stack gap={8}>
      <div className="voice-standing" data-phase={told.phase}>
        <span className="voice-ring" ref={ring} aria-hidden>
          {Mark ? <Mark size={22} stroke={1.6} /> : <Loader size={20} />}
        </span>
        <Text fw={600} role="status">
          {words.charAt(0).toUpperCase() + words.slice(1)}
        </Text>
      </div>
      {told.late ? (
        <Text size="sm" role="alert">
          {text.late}
        </Text>
      ) : null}
      {told.silent ? (
        <Alert variant="outline" color="yellow" p="sm">
          <Text size="sm">{text.silent}</Text>
          <Button size="compact-sm" mt={6} variant="default" leftSection={<IconPlayerPlay size={14} />} onClick={() => call.play()}>
            {text.play}
          </Button>
        </Alert>
      ) : null}
    </Stack>
  );
}

interface Picked {
  offer: Offer;
  choice: Choice;
  told: Told;
  onChoose: (next: Choice) => void;
}

function Pickers({ offer, choice, told, onChoose }: Picked): ReactNode {
  const calling = inCall(told.phase);
  const pending = calling && told.pending && told.phase !== "connecting" && told.phase !== "waiting";
  const wish = told.wish;
  const before = told.inForce;
  const changesVoice = pending && wish !== null && wish.llm_model !== before?.llm_model;
  const changesWork = pending && wish !== null && !same({ ...wish, llm_model: "" }, { ...before, llm_model: "" });
  const agents = offer.task_agents.map((one) => `${one.provider}/${one.model}`);
  const refused = calling && !told.pending ? (told.inForce?.refused ?? []) : [];
  return (
    <Stack gap="sm" aria-busy={pending}>
      <Picker
        label={text.talks}
        value={choice.llm_model}
        offered={offer.llm_models}
        listed="voice.llm_models"
        changing={changesVoice}
        onPick={(model) => onChoose({ ...choice, llm_model: model })}
      />
      <Picker
        label={text.works}
        value={`${choice.task_agent_provider}/${choice.task_agent_model}`}
        offered={agents}
        listed="voice.task_agents"
        changing={changesWork}
        onPick={(name) => {
          const one = offer.task_agents[agents.indexOf(name)];
          if (one) onChoose({ ...choice, task_agent_provider: one.provider, task_agent_model: one.model });
        }}
      />
      {refused.length > 0 ? (
        <Alert variant="outline" color="red" p="sm" title={text.refused} role="alert">
          {refused.map((reason) => (
            <Text size="sm" key={reason}>
              {reason.charAt(0).toUpperCase() + reason.slice(1)}
            </Text>
          ))}
        </Alert>
      ) : null}
    </Stack>
  );
}

function Picker(given: { label: string; value: string; offered: string[]; listed: string; changing: boolean; onPick: (name: string) => void }): ReactNode {
  const { label, value, offered, listed, changing } = given;
  const data = offered.includes(value) ? offered : [value, ...offered];
  return (
    <Select
      label={label}
      description={changing ? text.changing : data.length > 1 ? undefined : text.onlyDefault(listed)}
      data={data}
      value={value}
      onChange={(name) => {
        if (name && name !== value) given.onPick(name);
      }}
      allowDeselect={false}
      searchable={data.length > 8}
      limit={MOST_SHOWN}
      nothingFoundMessage={text.nothingFound}
      rightSection={changing ? <Loader size={16} /> : undefined}
      comboboxProps={{ shadow: "none" }}
    />
  );
}

function Transcript({ lines }: { lines: Line[] }): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    if (atEnd.current) box.current?.scrollTo({ top: box.current.scrollHeight });
  }, [lines]);
  return (
    <ScrollArea
      className="voice-said"
      viewportRef={box}
      viewportProps={{ role: "log", "aria-label": text.transcript, tabIndex: 0 }}
      onScrollPositionChange={({ y }) => {
        const view = box.current;
        if (view) atEnd.current = view.scrollHeight - view.clientHeight - y < 32;
      }}
    >
      {lines.length === 0 ? (
        <Text size="sm" c="dimmed" p="sm">
          {text.nothingSaid}
        </Text>
      ) : (
        lines.map((line) => (
          <div className="voice-line" data-mine={line.mine || undefined} key={`${line.mine}${line.id}`}>
            <Text size="xs" c="dimmed" component="span">
              {line.mine ? text.you : text.agent}
            </Text>
            <Text size="sm">{line.text}</Text>
          </div>
        ))
      )}
    </ScrollArea>
  );
}

function Controls({ told }: { told: Told }): ReactNode {
  return (
    <Stack gap="sm">
      <Level muted={told.muted} />
      <Group gap="sm" grow>
        <Button
          variant={told.muted ? "filled" : "default"}
          color={told.muted ? "gray" : undefined}
          leftSection={told.muted ? <IconMicrophoneOff size={18} aria-hidden /> : <IconMicrophone size={18} aria-hidden />}
          aria-pressed={told.muted}
          disabled={told.phase === "connecting"}
          onClick={() => call.mute(!told.muted)}
        >
          {told.muted ? text.unmute : text.mute}
        </Button>
        <Button color="red" leftSection={<IconPhoneOff size={18} aria-hidden />} onClick={() => call.leave()}>
          {text.leave}
        </Button>
      </Group>
    </Stack>
  );
}

function Level({ muted }: { muted: boolean }): ReactNode {
  const bar = useRef<HTMLElement>(null);
  const [level, setLevel] = useState(0);
  useEffect(() => {
    let ticks = 0;
    const timer = setInterval(() => {
      const loud = Math.min(1, call.levels().mine * 2.5);
      bar.current?.style.setProperty("transform", `scaleX(${loud})`);
      // Whoever reads the figure and not the bar needs it less often.
      ticks += 1;
      if (ticks % 6 === 0) setLevel(Math.round(loud * 100));
    }, EVERY);
    return () => clearInterval(timer);
  }, []);
  return (
    <div className="voice-level">
      <IconMicrophone size={16} stroke={1.6} aria-hidden />
      <span role="meter" aria-label={text.level} aria-valuemin={0} aria-valuemax={100} aria-valuenow={level} aria-valuetext={muted ? text.muted : `${level} %`}>
        <i ref={bar} />
      </span>
    </div>
  );
}
