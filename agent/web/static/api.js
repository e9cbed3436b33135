// The server's HTTP interface.

export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const LONGEST_MS = 20_000;

/** The server could not be reached at all. */
export const isOffline = (error) => !(error instanceof ApiError);

/**
 * Sends a request below api/.
 * @param {object} [options] of fetch; `json` is sent as the body.
 * @returns {Promise<Response>} of a success; else throws an ApiError with the server's own line.
 */
export async function request(path, { json, ...options } = {}) {
  if (json !== undefined) {
    options = { ...options, body: JSON.stringify(json) };
    options.headers = { ...options.headers, "Content-Type": "application/json" };
  }
  // A network that swallows everything would be waited for without end; a file takes as long as it takes.
  if (!(options.body instanceof FormData)) options.signal ??= AbortSignal.timeout?.(LONGEST_MS);
  const response = await fetch(`api/${path}`, options);
  if (response.ok) return response;
  let detail = response.statusText;
  try {
    const body = await response.json();
    if (typeof body.detail === "string") detail = body.detail;
  } catch {
    // Not the application's own answer, a proxy's perhaps.
  }
  throw new ApiError(response.status, detail);
}

export const getJson = async (path, options) => (await request(path, options)).json();
export const post = (path, json, options) => request(path, { method: "POST", json, ...options });
