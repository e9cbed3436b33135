// Server-sent events, read by fetch: unlike EventSource it tells why a stream ended, and is everywhere.

/**
 * Splits a stream of server-sent events.
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} onBytes called whenever something came, keep-alive comments included.
 * @yields {{id: string, kind: string, data: object}}
 */
export async function* eventsOf(body, onBytes) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let event = { id: "", kind: "message", data: "" };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      onBytes();
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (event.data) yield { ...event, data: JSON.parse(event.data) };
          event = { id: "", kind: "message", data: "" };
          continue;
        }
        const [, field, text] = /^([^:]*):? ?(.*)$/.exec(line);
        if (field === "id") event.id = text;
        else if (field === "event") event.kind = text;
        else if (field === "data") event.data += (event.data ? "\n" : "") + text;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
