// A client of sessiond for a merchant's back end, over HTTP, repeated when the answer was lost. Every call of the shop is safe to repeat:
// CreateSessionToken by its merchant_session_id, those of a session by their event ids, payments by their merchant_transaction_id.
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

// What passes: the worker was replaced under the call, or the session was just being written. That nobody knows what became of a payment does not.
const passes = (error) => ['unavailable', 'aborted'].includes(error.code) && error.reason !== 'CALL_OUTCOME_UNKNOWN';

const connector = {
  'x-connector': 'adyen',
  'x-connector-config': '{"config":{"Adyen":{"api_key":"demo","merchant_account":"demo"}}}',
};

export class Sessiond {
  constructor(url) {
    this.url = url;
  }

  async once(path, body, headers) {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: { ...connector, ...headers },
      body,
      signal: AbortSignal.timeout(15000),
    });
    if (!response.ok) throw new SessiondError(await response.json(), response.status);
    return response;
  }

  async post(path, body, headers) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once(path, body, headers);
      } catch (error) {
        if (attempt === tries || (error instanceof SessiondError && !passes(error))) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async json(path, body) {
    return (await this.post(path, JSON.stringify(body), { 'content-type': 'application/json' })).json();
  }

  createSessionToken(body) {
    return this.json(createPath, body);
  }

  call(method, body) {
    return this.json(`/sessiond.v1.SessionService/${method}`, body);
  }

  // A call of the payment server's, which passes through sessiond: protobuf (payments.mjs) by Connect's protocol.
  async pay(method, token, session, message) {
    const answer = await this.post(`/types.PaymentService/${method}`, message, {
      'content-type': 'application/proto', 'connect-protocol-version': '1', 'x-session-token': token, 'x-merchant-session-id': session,
    });
    return Buffer.from(await answer.arrayBuffer());
  }
}
