// A request as text: for reading, with what is long made short, and as a command that asks it again.

const LONG = 2000;

/** JSON for reading; pictures and the like, which nobody reads, are cut. What is copied is whole. */
export function shortened(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner: unknown) => (typeof inner === "string" && inner.length > LONG && !/\s/.test(inner.slice(0, LONG)) ? `${inner.slice(0, 80)}… (${inner.length.toLocaleString()})` : inner),
    2,
  );
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
/** Variables stand in double quotes, where the shell puts in their value; the rest means nothing to it. */
const header = (text: string): string =>
  text
    .split(/(\$[A-Z][A-Z_]*)/)
    .map((piece, at) => (at % 2 ? `"${piece}"` : piece && quoted(piece)))
    .join("");

/** The request as a command line. */
export function curl(request: { method: string | null; url: string | null; headers: [string, string][]; body: unknown }, origin: string): string {
  const url = request.url ?? "";
  const lines = [
    `curl -X ${request.method ?? "POST"} ${quoted(url.startsWith("/") ? origin + url : url)}`,
    ...request.headers.map(([name, value]) => `-H ${header(`${name}: ${value}`)}`),
    `-d ${quoted(JSON.stringify(request.body))}`,
  ];
  return lines.join(" \\\n  ");
}
