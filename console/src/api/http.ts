// The REST API, with the token that its listener may ask for.

import { Parser } from "./sse";

// ApiError is an answer that is not OK, in the words of the gateway's errors.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly reason = "",
    readonly metadata: Record<string, string> = {},
    readonly violations: string[] = [],
  ) {
    super(message);
  }
}

const tokenKey = "callgate.token";

// Session holds the token for as long as the tab lives, and tells whoever waits
// for one that it is there.
export class Session {
  private waiting: (() => void)[] = [];
  private listeners = new Set<(needed: boolean) => void>();
  needed = false;

  get token(): string | null {
    return sessionStorage.getItem(tokenKey);
  }

  // give keeps a token and lets everything go on that was refused without it.
  give(token: string) {
    sessionStorage.setItem(tokenKey, token);
    this.needed = false;
    for (const go of this.waiting.splice(0)) go();
    this.tell();
  }

  // refused waits until there is another token than the one that was sent.
  refused(sent: string | null): Promise<void> {
    if (this.token !== sent) return Promise.resolve();
    this.needed = true;
    this.tell();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  onNeeded(listener: (needed: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tell() {
    for (const listener of this.listeners) listener(this.needed);
  }
}

export const session = new Session();

// send is fetch with the token. An answer of 401 waits for a token and asks again.
export async function send(path: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Response> {
  for (;;) {
    const token = session.token;
    const headers = { ...init.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(path, { ...init, headers, cache: "no-store", credentials: "same-origin" });
    if (response.status !== 401) return response;
    await response.body?.cancel();
    await session.refused(token);
    init.signal?.throwIfAborted();
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return answer(await send(path, signal ? { signal } : {}));
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  return answer(await send(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }));
}

async function answer<T>(response: Response): Promise<T> {
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as T;
}

export interface Status {
  code?: number;
  message?: string;
  details?: {
    reason?: string;
    metadata?: Record<string, string>;
    fieldViolations?: { field?: string; description?: string }[];
  }[];
}

// errorOf reads the error that an answer carries: as it is, in a stream's wrapper,
// or as an event.
export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  const event = new Parser().push(`${text}\n\n`)[0];
  try {
    const body = JSON.parse(event?.event === "error" ? event.data : text) as Status & { error?: Status };
    return errorFrom(body.error ?? body, response.status);
  } catch {
    // A proxy's own page, perhaps.
    return new ApiError(response.status, `HTTP ${response.status} ${response.statusText}`.trim());
  }
}

// errorFrom is a status of the gateway as an error.
export function errorFrom(status: Status, httpStatus: number): ApiError {
  const info = status.details?.find((detail) => detail.reason);
  const violations = (status.details ?? [])
    .flatMap((detail) => detail.fieldViolations ?? [])
    .map((violation) => `${violation.field}: ${violation.description}`);
  return new ApiError(httpStatus, status.message || `HTTP ${httpStatus}`, info?.reason, info?.metadata, violations);
}
