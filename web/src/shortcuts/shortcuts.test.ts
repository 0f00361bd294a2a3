import { describe, expect, test } from "vitest";

import { ACTIONS, conflicts, keysOf, rebound, reset } from "./actions";
import { caps, combination, isWriting } from "./keys";

const press = (key: string, code = "", held: Partial<Record<"metaKey" | "ctrlKey" | "altKey" | "shiftKey", boolean>> = {}) => ({
  key, code, metaKey: false, ctrlKey: false, altKey: false, shiftKey: false, ...held,
});

describe("keys", () => {
  test("the main key is ⌘ on a Mac and Ctrl elsewhere", () => {
    expect(combination(press("k", "KeyK", { metaKey: true }), true)).toBe("mod+K");
    expect(combination(press("k", "KeyK", { ctrlKey: true }), true)).toBe("ctrl+K");
    expect(combination(press("k", "KeyK", { ctrlKey: true }), false)).toBe("mod+K");
  });

  test("a letter keeps its Shift, a sign is what Shift makes of it", () => {
    expect(combination(press("O", "KeyO", { ctrlKey: true, shiftKey: true }), false)).toBe("mod+shift+O");
    expect(combination(press("?", "Slash", { shiftKey: true }), false)).toBe("?");
    expect(combination(press("?", "Minus", { shiftKey: true }), false)).toBe("?");
    expect(combination(press("+", "BracketRight", { ctrlKey: true }), false)).toBe("mod+Plus");
  });

  test("with Alt a letter is told by its place, for it types another", () => {
    expect(combination(press("ç", "KeyC", { altKey: true, shiftKey: true }), true)).toBe("alt+shift+C");
  });

  test("nothing is pressed while only Shift is held", () => {
    expect(combination(press("Shift", "ShiftLeft", { shiftKey: true }), false)).toBeNull();
  });

  test("a field keeps what it needs for writing", () => {
    expect(["?", "A", "shift+Enter", "ArrowUp"].every(isWriting)).toBe(true);
    expect(["mod+K", "alt+ArrowUp", "Escape", "shift+Escape", "F2"].some(isWriting)).toBe(false);
  });

  test("keys are shown as they are written on the keyboard", () => {
    expect(caps("mod+shift+O", true)).toEqual(["⌘", "⇧", "O"]);
    expect(caps("mod+alt+ArrowUp", false)).toEqual(["Ctrl", "Alt", "↑"]);
  });
});

describe("the table", () => {
  test("has no two meanings for one press as it comes", () => {
    for (const one of ACTIONS) if (one.keys !== null) expect(conflicts(one.id, one.keys, {})).toEqual([]);
  });

  test("tells whom keys are taken from, and takes them", () => {
    expect(conflicts("newChat", "mod+shift+M", {})).toEqual(["chooseModel"]);
    const next = rebound({}, "newChat", "mod+shift+M");
    expect([keysOf("newChat", next), keysOf("chooseModel", next)]).toEqual(["mod+shift+M", null]);
  });

  test("lets a list of its own have keys that a chat has", () => {
    expect(conflicts("favourite", "mod+shift+M", {})).toEqual([]);
    expect(conflicts("favourite", "mod+K", {})).toEqual(["palette"]);
  });

  test("is as it was again after a reset, and keeps no change that is none", () => {
    const next = rebound({}, "newChat", "alt+N");
    expect(reset(next, "newChat")).toEqual({});
    expect(rebound(next, "newChat", "mod+shift+O")).toEqual({});
  });

  test("leaves keys with whoever was given them in the meantime", () => {
    const next = rebound({}, "newChat", "mod+shift+M");
    expect(keysOf("chooseModel", reset(next, "chooseModel"))).toBeNull();
    expect(keysOf("chooseModel", reset(reset(next, "newChat"), "chooseModel"))).toBe("mod+shift+M");
  });
});
