// Reading aloud and dictation, where the browser has them. Neither is started but by a press.
import { useCallback, useEffect, useState } from "react";

interface Recognition {
  continuous: boolean;
  interimResults: boolean;
  lang: string;
  onresult: ((event: { resultIndex: number; results: ArrayLike<ArrayLike<{ transcript: string }> & { isFinal: boolean }> }) => void) | null;
  onend: (() => void) | null;
  start: () => void;
  stop: () => void;
}

type Maker = new () => Recognition;
const found = window as unknown as { SpeechRecognition?: Maker; webkitSpeechRecognition?: Maker };
const Recogniser = found.SpeechRecognition ?? found.webkitSpeechRecognition;

export const canDictate = Recogniser !== undefined;
export const canSpeak = "speechSynthesis" in window;

export function useDictation(onText: (text: string) => void): { listening: boolean; toggle: () => void } {
  const [recognition, setRecognition] = useState<Recognition | null>(null);
  useEffect(() => () => recognition?.stop(), [recognition]);
  const toggle = useCallback(() => {
    if (recognition) {
      recognition.stop();
      return;
    }
    if (!Recogniser) return;
    const made = new Recogniser();
    made.continuous = true;
    made.interimResults = false;
    made.lang = navigator.language;
    made.onresult = (event) => {
      for (let at = event.resultIndex; at < event.results.length; at += 1) {
        const result = event.results[at];
        const text = result?.isFinal ? result[0]?.transcript : undefined;
        if (text) onText(text);
      }
    };
    made.onend = () => setRecognition(null);
    made.start();
    setRecognition(made);
  }, [recognition, onText]);
  return { listening: recognition !== null, toggle };
}

export function useSpeaking(): { speaking: boolean; toggle: (text: string) => void } {
  const [speaking, setSpeaking] = useState(false);
  useEffect(() => () => (canSpeak && speaking ? speechSynthesis.cancel() : undefined), [speaking]);
  const toggle = useCallback(
    (text: string) => {
      speechSynthesis.cancel();
      if (speaking) {
        setSpeaking(false);
        return;
      }
      const said = new SpeechSynthesisUtterance(text);
      said.onend = () => setSpeaking(false);
      said.onerror = () => setSpeaking(false);
      speechSynthesis.speak(said);
      setSpeaking(true);
    },
    [speaking],
  );
  return { speaking, toggle };
}
