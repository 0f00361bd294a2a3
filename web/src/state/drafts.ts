// What is written and not yet sent, by chat: it outlives a reload and another page, and ends with the tab.
import { useCallback, useState } from "react";

const NAME = "interlingua:drafts";

type Drafts = Record<string, string>;

function kept(): Drafts {
  try {
    return JSON.parse(sessionStorage.getItem(NAME) ?? "{}") as Drafts;
  } catch {
    return {}; // switched off, or written by something else
  }
}

/** The draft of a place, and how to change it. */
export function useDraft(place: string): [string, (text: string) => void] {
  const [drafts, setDrafts] = useState<Drafts>(kept);
  const set = useCallback(
    (text: string) =>
      setDrafts((before) => {
        const { [place]: _gone, ...others } = before;
        const next = text ? { ...others, [place]: text } : others;
        try {
          sessionStorage.setItem(NAME, JSON.stringify(next));
        } catch {
          // Storage is full or switched off: it holds for this page only.
        }
        return next;
      }),
    [place],
  );
  return [drafts[place] ?? "", set];
}
