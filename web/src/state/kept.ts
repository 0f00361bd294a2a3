// What this browser remembers of its user's taste. Nothing secret, and nothing lost where storage is switched off.
import { useCallback, useSyncExternalStore } from "react";

const listeners = new Map<string, Set<() => void>>();
const cache = new Map<string, unknown>();

/** The value as it is now, for those that draw nothing. */
export function readKept<T>(name: string, otherwise: T): T {
  if (cache.has(name)) return cache.get(name) as T;
  let found = otherwise;
  try {
    const text = localStorage.getItem(`interlingua:${name}`);
    if (text !== null) found = JSON.parse(text) as T;
  } catch {
    found = otherwise; // switched off, or written by something else
  }
  cache.set(name, found);
  return found;
}

function write(name: string, value: unknown): void {
  cache.set(name, value);
  try {
    localStorage.setItem(`interlingua:${name}`, JSON.stringify(value));
  } catch {
    // Storage is full or switched off: it holds for this page only.
  }
  for (const listener of listeners.get(name) ?? []) listener();
}

window.addEventListener("storage", (event) => {
  const name = event.key?.startsWith("interlingua:") ? event.key.slice("interlingua:".length) : null;
  if (name === null) return;
  cache.delete(name);
  for (const listener of listeners.get(name) ?? []) listener();
});

/** A value that outlives the page, and how to change it. `otherwise` must be the same object every time. */
export function useKept<T>(name: string, otherwise: T): [T, (value: T) => void] {
  const value = useSyncExternalStore(
    useCallback(
      (listener: () => void) => {
        const found = listeners.get(name) ?? new Set();
        listeners.set(name, found.add(listener));
        return () => found.delete(listener);
      },
      [name],
    ),
    () => readKept(name, otherwise),
  );
  return [value, useCallback((next: T) => write(name, next), [name])];
}
