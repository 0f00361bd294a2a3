import { beforeEach, expect, test, vi } from "vitest";

import { conversations, readConversation } from "./queries";

const answers: ((body: unknown) => void)[] = [];
const fetched = vi.fn(
  (_path: string, _init: RequestInit) =>
    new Promise<Response>((resolve) => {
      answers.push((body) => resolve(new Response(JSON.stringify(body))));
    }),
);
const turn = (): Promise<void> => new Promise((resume) => setTimeout(resume));

beforeEach(() => {
  answers.length = 0;
  fetched.mockClear();
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("fetch", fetched);
});

test("what is read of a conversation while it is written to is read again afterwards", async () => {
  const reading = readConversation("c", new AbortController().signal);
  await turn();
  const writing = conversations.change("c", { active: "newer" });
  answers[0]?.({ active: "older" });
  await turn();
  expect(fetched).toHaveBeenCalledTimes(2); // nobody reads before the write has arrived
  answers[1]?.({ active: "newer" });
  await writing;
  await turn();
  answers[2]?.({ active: "newer" });
  expect((await reading).active).toBe("newer");
});

test("a write that failed holds up nobody", async () => {
  const writing = conversations.change("d", { title: "x" });
  fetched.mockRejectedValueOnce(new TypeError("gone"));
  const failing = conversations.change("d", { title: "y" });
  await expect(failing).rejects.toThrow("cannot be reached");
  answers[0]?.({});
  await writing;
  const reading = readConversation("d", new AbortController().signal);
  await turn();
  answers[1]?.({ title: "x" });
  expect((await reading).title).toBe("x");
});

test("changes outlive the page, as many as the browser carries, and questions do not", async () => {
  const lasting = (): boolean => fetched.mock.lastCall?.[1].keepalive === true;
  const first = conversations.change("e", { title: "x".repeat(40_000) });
  expect(lasting()).toBe(true);
  const second = conversations.change("e", { title: "x".repeat(40_000) });
  expect(lasting()).toBe(false); // of both together it would refuse the second
  answers[0]?.({});
  answers[1]?.({});
  await Promise.all([first, second]);
  const third = conversations.change("e", { title: "x".repeat(40_000) });
  expect(lasting()).toBe(true);
  const asking = conversations.create({});
  expect(lasting()).toBe(false);
  answers[2]?.({});
  answers[3]?.({});
  await Promise.all([third, asking]);
});
