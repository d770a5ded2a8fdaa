// A client of sessiond for a merchant's back end: JSON over HTTP, repeated when the answer was lost. Every call of the shop is
// safe to repeat: CreateSessionToken by its merchant_session_id, the others by their event ids.
const createPath = '/types.MerchantAuthenticationService/CreateSessionToken';
const tries = 60;
const pauseMs = 250;

export class SessiondError extends Error {
  constructor(body, status) {
    super(body.message ?? `HTTP ${status}`);
    this.code = body.code ?? String(status);
    const info = (body.details ?? []).find((detail) => detail.type === 'google.rpc.ErrorInfo');
    this.reason = info?.debug?.reason ?? '';
  }
}

// What passes: the worker was replaced under the call, or the session was just being written.
const passes = (error) => ['unavailable', 'aborted'].includes(error.code);

export class Sessiond {
  constructor(url) {
    this.url = url;
  }

  async once(path, body) {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-connector': 'adyen',
        'x-connector-config': '{"config":{"Adyen":{"api_key":"demo","merchant_account":"demo"}}}',
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15000),
    });
    const answer = await response.json();
    if (!response.ok) throw new SessiondError(answer, response.status);
    return answer;
  }

  async post(path, body) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once(path, body);
      } catch (error) {
        if (attempt === tries || (error instanceof SessiondError && !passes(error))) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  createSessionToken(body) {
    return this.post(createPath, body);
  }

  call(method, body) {
    return this.post(`/sessiond.v1.SessionService/${method}`, body);
  }
}
