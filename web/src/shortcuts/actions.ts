// What keys do, in one table: the page listens by it, Settings rebinds it, and the help shows it.
import { strings } from "../i18n/strings";

/** Where keys are heard. What is heard everywhere is heard in a chat too; a dialog takes them all for itself. */
export type Where = "everywhere" | "chat" | "writing" | "models";

export interface Action {
  id: string;
  where: Where;
  /** as `combination` writes them; null is none */
  keys: string | null;
}

const table = [
  { id: "palette", where: "everywhere", keys: "mod+K" },
  { id: "newChat", where: "everywhere", keys: "mod+shift+O" },
  { id: "searchChats", where: "everywhere", keys: "mod+shift+F" },
  { id: "sidebar", where: "everywhere", keys: "mod+B" },
  { id: "theme", where: "everywhere", keys: "alt+shift+L" },
  { id: "help", where: "everywhere", keys: "?" },
  { id: "compare", where: "everywhere", keys: null },
  { id: "models", where: "everywhere", keys: null },
  { id: "gateway", where: "everywhere", keys: null },
  { id: "usage", where: "everywhere", keys: null },
  { id: "settings", where: "everywhere", keys: "mod+," },
  { id: "chooseModel", where: "chat", keys: "mod+shift+M" },
  { id: "templates", where: "chat", keys: "alt+shift+T" },
  { id: "focusField", where: "chat", keys: "shift+Escape" },
  { id: "chatSettings", where: "chat", keys: "mod+shift+E" },
  { id: "again", where: "chat", keys: "alt+shift+R" },
  { id: "copyAnswer", where: "chat", keys: "alt+shift+C" },
  { id: "copyCode", where: "chat", keys: "alt+shift+K" },
  { id: "previousMessage", where: "chat", keys: "alt+ArrowUp" },
  { id: "nextMessage", where: "chat", keys: "alt+ArrowDown" },
  { id: "stop", where: "chat", keys: "Escape" },
  { id: "send", where: "writing", keys: "Enter" },
  { id: "newLine", where: "writing", keys: "shift+Enter" },
  { id: "editLast", where: "writing", keys: "ArrowUp" },
  { id: "favourite", where: "models", keys: "mod+D" },
  { id: "compareWith", where: "models", keys: "alt+Enter" },
] as const satisfies readonly Action[];

export type ActionId = (typeof table)[number]["id"];
export const ACTIONS: readonly (Action & { id: ActionId })[] = table;
export const nameOf = (id: ActionId): string => strings.shortcuts.actions[id];

/** What somebody changed: keys by action; null takes them away. */
export type Changes = Readonly<Partial<Record<string, string | null>>>;

export function keysOf(id: ActionId, changes: Changes): string | null {
  const changed = changes[id];
  return changed !== undefined ? changed : (ACTIONS.find((one) => one.id === id)?.keys ?? null);
}

/** The places in which one press could mean both. */
const TOGETHER: Record<Where, Where[]> = {
  everywhere: ["everywhere", "chat", "writing", "models"],
  chat: ["everywhere", "chat", "writing"],
  writing: ["everywhere", "chat", "writing"],
  models: ["everywhere", "models"],
};

/** The other actions that these keys would set off too. */
export function conflicts(id: ActionId, keys: string, changes: Changes): ActionId[] {
  const where = ACTIONS.find((one) => one.id === id)?.where ?? "everywhere";
  return ACTIONS.filter((one) => one.id !== id && TOGETHER[where].includes(one.where) && keysOf(one.id, changes) === keys).map((one) => one.id);
}

/** The changes with these keys given to one action, and taken from those that had them. What is as it was is no change. */
export function rebound(changes: Changes, id: ActionId, keys: string | null): Changes {
  const next: Record<string, string | null | undefined> = { ...changes, [id]: keys };
  if (keys !== null) for (const other of conflicts(id, keys, changes)) next[other] = null;
  return Object.fromEntries(Object.entries(next).filter(([name, value]) => value !== undefined && ACTIONS.some((one) => one.id === name && one.keys !== value)));
}

/** The changes without those of one action. Keys that another was given meanwhile stay with that one. */
export function reset(changes: Changes, id: ActionId): Changes {
  const next = Object.fromEntries(Object.entries(changes).filter(([name]) => name !== id));
  const keys = keysOf(id, next);
  return keys !== null && conflicts(id, keys, next).length > 0 ? { ...next, [id]: null } : next;
}
