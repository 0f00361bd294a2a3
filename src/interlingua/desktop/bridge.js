// The window's bridge: `interlingua.invoke(command, arguments)` and `interlingua.listen(event, handler)`.
// ORIGIN and SEND are put in by bridge.py. What was not listened for yet waits, for a stream may be faster than its reader.
(function () {
  if (window.interlingua || location.origin !== ORIGIN) return;
  const answers = new Map();
  const listeners = new Map();
  const waiting = new Map();
  let last = 0;

  function send(text) {
    SEND
  }

  function deliver(name, payload) {
    for (const handler of listeners.get(name) ?? []) handler({ event: name, payload });
  }

  window.interlingua = Object.freeze({
    /** Resolves to {ok: true, value} or {ok: false, error: {code, message, remedy, ...}}; never rejects. */
    invoke(command, given) {
      return new Promise((resolve) => {
        last += 1;
        answers.set(last, resolve);
        send(JSON.stringify({ id: last, command, arguments: given ?? {} }));
      });
    },
    /** Calls `handler({event, payload})` for each event of that name; returns what ends it. */
    listen(name, handler) {
      const found = listeners.get(name) ?? new Set();
      listeners.set(name, found.add(handler));
      const early = waiting.get(name) ?? [];
      waiting.delete(name);
      for (const payload of early) deliver(name, payload);
      return () => {
        found.delete(handler);
        if (!found.size) listeners.delete(name);
      };
    },
    answered(id, result) {
      answers.get(id)?.(result);
      answers.delete(id);
    },
    happened(name, payload) {
      if (listeners.has(name)) return deliver(name, payload);
      waiting.set(name, [...(waiting.get(name) ?? []), payload]);
      if (waiting.size > 64) waiting.delete(waiting.keys().next().value);
    },
  });
  window.dispatchEvent(new Event("interlingua-ready"));
})();
