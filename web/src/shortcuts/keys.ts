// Combinations of keys as texts, such as `mod+shift+O`: read from an event, told apart, and shown as people know them.

/** What is held, in the order in which it is written. `mod` is ⌘ on a Mac and Ctrl elsewhere. */
const HELD = ["mod", "ctrl", "alt", "shift"] as const;

export interface Pressed {
  key: string;
  code: string;
  metaKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

export const onMac: boolean = typeof navigator !== "undefined" && /mac|iphone|ipad/i.test(navigator.platform);

const ALONE = new Set(["Meta", "Control", "Alt", "AltGraph", "Shift", "CapsLock", "Fn", "Dead", "Process", "Unidentified"]);
const NAMED: Record<string, string> = { " ": "Space", "+": "Plus" };

/** The combination that was pressed; null while only Shift and the like are held.
 *
 * With Alt, letters and digits are told by their place, because it makes other characters of them. What Shift makes of
 * a sign is that sign: `?` and not `shift+/`, wherever it lies. */
export function combination(event: Pressed, mac: boolean = onMac): string | null {
  if (ALONE.has(event.key)) return null;
  const placed = event.altKey ? /^(?:Key|Digit)(.)$/.exec(event.code)?.[1] : undefined;
  const letter = placed ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key);
  const isSign = placed === undefined && event.key.length === 1 && event.key !== " " && event.key.toLowerCase() === event.key.toUpperCase();
  const held = {
    mod: mac ? event.metaKey : event.ctrlKey,
    ctrl: mac && event.ctrlKey,
    alt: event.altKey,
    shift: event.shiftKey && !isSign,
  };
  return [...HELD.filter((name) => held[name]), NAMED[letter] ?? letter].join("+");
}

/** Whether a text field would take it for writing or moving about. */
export function isWriting(keys: string): boolean {
  const last = keys.split("+").at(-1) ?? "";
  return !/^(mod|ctrl|alt)\+/.test(keys) && !/^F\d+$/.test(last) && last !== "Escape";
}

/** What browsers keep for themselves: no page hears of it, or not everywhere. */
const KEPT = new Set(["mod+T", "mod+N", "mod+W", "mod+Q", "mod+L", "mod+R", "mod+shift+T", "mod+shift+N", "mod+shift+W", "mod+shift+R", "mod+Tab", "mod+shift+Tab", "alt+F4", "F5", "F11", "F12", "Tab", "shift+Tab"]);

export function isKept(keys: string): boolean {
  return KEPT.has(keys);
}

const SIGNS: Record<string, string> = {
  Escape: "Esc", ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Enter: "Enter", Backspace: "⌫", Delete: "Del", Plus: "+",
};
const MAC: Record<string, string> = { mod: "⌘", ctrl: "⌃", alt: "⌥", shift: "⇧" };
const OTHERS: Record<string, string> = { mod: "Ctrl", ctrl: "Ctrl", alt: "Alt", shift: "Shift" };

/** The keys of a combination as they are written on the keyboard. */
export function caps(keys: string, mac: boolean = onMac): string[] {
  return keys.split("+").map((key) => (mac ? MAC : OTHERS)[key] ?? SIGNS[key] ?? key);
}
