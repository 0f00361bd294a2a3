// One call by voice in a LiveKit room: joined with a token of the gateway's, which carries the first choices; later ones
// are attributes of ours, and the agent says in an attribute of its own what it made of them.
import {
  ConnectionError,
  ConnectionErrorReason,
  DisconnectReason,
  type LocalAudioTrack,
  type Participant,
  type RemoteTrack,
  Room,
  RoomEvent,
  type TextStreamReader,
  Track,
  createAudioAnalyser,
  createLocalAudioTrack,
  setLogLevel,
} from "livekit-client";

import { Problem, api } from "../api/client";
import type { ApiProblem } from "../api/types";
import { strings } from "../i18n/strings";
import { type Choice, type InForce, type Line, parseInForce, same, written } from "./choices";
import { type Phase, inCall, voice } from "./state";

const TRANSCRIPT = "lk.transcription";
const AGENT_STATE = "lk.agent.state";
const IN_FORCE = "interlingua.choice";
const LONG_WAIT = 12_000;
const TALKING: Record<string, Phase> = { idle: "listening", listening: "listening", thinking: "thinking", speaking: "speaking" };

// Every failure is told on the panel, with what to do; the console has nothing to add.
setLogLevel("silent");

interface Token {
  url: string;
  token: string;
}

export interface Told {
  phase: Phase;
  problem: ApiProblem | null;
  muted: boolean;
  /** what was asked for last */
  wish: Choice | null;
  /** what the agent says of it; null until it does */
  inForce: InForce | null;
  /** whether the agent has yet to answer the wish */
  pending: boolean;
  /** whether nobody has answered the call for a while */
  late: boolean;
  /** whether the browser wants a press before it plays sound */
  silent: boolean;
  lines: Line[];
}

const NOTHING: Told = {
  phase: "idle",
  problem: null,
  muted: false,
  wish: null,
  inForce: null,
  pending: false,
  late: false,
  silent: false,
  lines: [],
};

interface Analyser {
  calculateVolume: () => number;
  cleanup: () => Promise<void>;
}

class Call {
  private told: Told = NOTHING;
  private readonly listeners = new Set<() => void>();
  private room: Room | null = null;
  private microphone: LocalAudioTrack | null = null;
  private mine: Analyser | null = null;
  private theirs: Analyser | null = null;
  private joined = false;
  private waiting: ReturnType<typeof setTimeout> | undefined;

  readonly get = (): Told => this.told;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** How loud it is, 0 to 1: at the microphone, and from the agent. */
  levels(): { mine: number; theirs: number } {
    return { mine: this.told.muted ? 0 : (this.mine?.calculateVolume() ?? 0), theirs: this.theirs?.calculateVolume() ?? 0 };
  }

  async join(wish: Choice): Promise<void> {
    if (inCall(this.told.phase)) return;
    this.told = NOTHING;
    this.tell({ phase: "connecting", wish, pending: true });
    const room = new Room();
    this.room = room;
    this.listen(room);
    let url = "";
    try {
      const microphone = await opened();
      if (this.room !== room) return microphone.stop();
      this.microphone = microphone;
      this.mine = createAudioAnalyser(microphone, { cloneTrack: false });
      const token = await api.post<Token>("/api/voice/token", wish);
      url = token.url;
      if (this.room !== room) return;
      await room.connect(url, token.token, { maxRetries: 0, websocketTimeout: 8_000 });
      if (this.room !== room) return;
      this.joined = true;
      await room.localParticipant.publishTrack(microphone, { source: Track.Source.Microphone });
      this.look(room);
    } catch (error) {
      if (this.room === room) this.fail(problemOf(error, url));
    }
  }

  leave(): void {
    this.end();
    this.tell({ phase: "idle", problem: null, pending: false, late: false, silent: false });
  }

  mute(muted: boolean): void {
    const track = this.microphone;
    if (!track) return;
    this.tell({ muted });
    (muted ? track.mute() : track.unmute()).catch((error: unknown) => this.fail(problemOf(error, "")));
  }

  play(): void {
    void this.room?.startAudio().catch(() => undefined); // the button stays where it did not help
  }

  /** Asks for other models; the agent answers in its attribute. */
  choose(wish: Choice): void {
    const room = this.room;
    if (!room || !inCall(this.told.phase)) return;
    this.tell({ wish, pending: true });
    room.localParticipant.setAttributes({ ...wish }).catch((error: unknown) => {
      if (this.room === room) this.fail(problemOf(error, ""));
    });
    this.look(room);
  }

  private listen(room: Room): void {
    const look = (): void => this.look(room);
    room
      .on(RoomEvent.ParticipantConnected, look)
      .on(RoomEvent.ParticipantAttributesChanged, look)
      .on(RoomEvent.Reconnected, look)
      .on(RoomEvent.Reconnecting, () => this.tell({ phase: "connecting" }))
      .on(RoomEvent.TrackSubscribed, (track) => this.hear(track))
      .on(RoomEvent.TrackUnsubscribed, (track) => {
        for (const element of track.detach()) element.remove();
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.tell({ silent: !room.canPlaybackAudio }))
      .on(RoomEvent.ParticipantDisconnected, (one) => {
        if (one.isAgent && this.room === room && !agentOf(room)) this.fail(problem("agent_left"));
      })
      .on(RoomEvent.Disconnected, (reason) => {
        if (this.room === room && this.joined) this.fail(ended(reason)); // before that, connecting itself fails
      });
    room.registerTextStreamHandler(TRANSCRIPT, (reader, { identity }) => void this.read(room, reader, identity));
  }

  /** Takes over what the room says of the agent. */
  private look(room: Room): void {
    if (this.room !== room || room.state !== "connected") return;
    const agent = agentOf(room);
    const phase = (agent && TALKING[agent.attributes[AGENT_STATE] ?? ""]) ?? "waiting";
    const inForce = parseInForce(agent?.attributes[IN_FORCE]) ?? this.told.inForce;
    const pending = this.told.wish !== null && !(inForce && same(inForce.wishes, this.told.wish));
    clearTimeout(this.waiting);
    if (phase === "waiting") this.waiting = setTimeout(() => this.tell({ late: true }), LONG_WAIT);
    this.tell({ phase, inForce, pending, late: phase === "waiting" && this.told.late });
  }

  private hear(track: RemoteTrack): void {
    if (track.kind !== Track.Kind.Audio) return;
    document.body.append(track.attach());
    void this.theirs?.cleanup();
    this.theirs = createAudioAnalyser(track as Parameters<typeof createAudioAnalyser>[0], { cloneTrack: true });
  }

  private async read(room: Room, reader: TextStreamReader, identity: string): Promise<void> {
    const id = reader.info.attributes?.["lk.segment_id"] ?? reader.info.id;
    const mine = identity === room.localParticipant.identity;
    let text = "";
    try {
      for await (const piece of reader) {
        text += piece;
        if (this.room === room) this.tell({ lines: written(this.told.lines, { id, mine, text }) });
      }
    } catch {
      // Who spoke was interrupted, or left: what came of it stands.
    }
  }

  private fail(info: ApiProblem): void {
    this.end();
    this.tell({ phase: "failed", problem: info, pending: false, late: false, silent: false });
  }

  /** Gives back room, microphone and sound. */
  private end(): void {
    clearTimeout(this.waiting);
    this.joined = false;
    const { room, microphone, mine, theirs } = this;
    this.room = this.microphone = this.mine = this.theirs = null;
    void mine?.cleanup();
    void theirs?.cleanup();
    microphone?.stop();
    for (const participant of room?.remoteParticipants.values() ?? []) {
      for (const publication of participant.trackPublications.values()) {
        for (const element of publication.track?.detach() ?? []) element.remove();
      }
    }
    void room?.disconnect();
  }

  private tell(change: Partial<Told>): void {
    this.told = { ...this.told, ...change };
    if (voice.get().phase !== this.told.phase) voice.change({ phase: this.told.phase });
    for (const listener of this.listeners) listener();
  }
}

export const call = new Call();
voice.leave = () => call.leave();

function agentOf(room: Room): Participant | undefined {
  return [...room.remoteParticipants.values()].find((one) => one.isAgent);
}

async function opened(): Promise<LocalAudioTrack> {
  if (!navigator.mediaDevices?.getUserMedia) throw new Problem(0, problem("insecure"));
  try {
    return await createLocalAudioTrack({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    if (name === "NotAllowedError" || name === "SecurityError") throw new Problem(0, problem("blocked"));
    if (name === "NotFoundError" || name === "OverconstrainedError") throw new Problem(0, problem("no_microphone"));
    throw new Problem(0, problem("microphone", messageOf(error)));
  }
}

function problem(kind: keyof typeof strings.voice.problems, about = ""): ApiProblem {
  const { message, remedy } = strings.voice.problems[kind];
  return {
    code: `voice_${kind}`,
    message: typeof message === "function" ? message(about) : message,
    remedy,
    fault: "gateway",
    retryable: true,
    request_id: null,
  };
}

function problemOf(error: unknown, url: string): ApiProblem {
  if (error instanceof Problem) return error.info;
  if (error instanceof ConnectionError) {
    if (error.reason === ConnectionErrorReason.NotAllowed) return problem("refused");
    if (error.reason === ConnectionErrorReason.LeaveRequest) return ended(error.context as DisconnectReason | undefined);
    return /pc connection|peer connection/i.test(error.message) ? problem("no_way") : problem("unreachable", url);
  }
  return { ...problem("ended"), message: messageOf(error) };
}

function ended(reason: DisconnectReason | undefined): ApiProblem {
  if (reason === DisconnectReason.SERVER_SHUTDOWN) return problem("server_stopped");
  return problem(reason === DisconnectReason.ROOM_DELETED ? "agent_left" : "ended");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
