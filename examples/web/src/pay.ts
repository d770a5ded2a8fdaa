// One whole 3-D Secure payment from a page, by connect-web.
//
// The page plays the shop's server too, so that one file shows everything. Do not do that where shoppers are: whoever has the connector's
// credentials, or a session's token, is the shop. There a server does what stands here, as in examples/node.
//
// The server's and the bank's address are told in the page's: ?sessiond=http://127.0.0.1:8080&bank=http://127.0.0.1:8090
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import { ErrorInfoSchema } from './gen/google/rpc/error_details_pb';
import { Currency } from './gen/payment_types/currency_pb';
import { MerchantAuthenticationService } from './gen/payment_types/merchant_authentication_pb';
import { BeginStepResponse, EventOutcome, Session, SessionEvent, SessionService, SessionStatus } from './gen/sessiond/v1/session_pb';
import { retry } from './retry';

const address = new URLSearchParams(location.search);
const sessiond = address.get('sessiond') ?? 'http://127.0.0.1:8080';
const bank = address.get('bank') ?? 'http://127.0.0.1:8090';

// The time is that of all attempts of one call together.
const transport = createConnectTransport({ baseUrl: sessiond, defaultTimeoutMs: 20000, interceptors: [retry] });
const creator = createClient(MerchantAuthenticationService, transport);
const sessions = createClient(SessionService, transport);

// What a 3-D Secure server wants to know of the browser. The session is bound to it: every later step must come from the same one.
const browser = {
  userAgent: navigator.userAgent,
  acceptLanguage: navigator.languages.join(','),
  language: navigator.language,
  colorDepth: screen.colorDepth,
  screenHeight: screen.height,
  screenWidth: screen.width,
  timeZoneOffsetMinutes: new Date().getTimezoneOffset(),
  javaEnabled: false,
  javaScriptEnabled: true,
};

// One order's session, kept over the way to the bank and back.
type Order = { id: string; token: string };
const remember = (order: Order) => sessionStorage.setItem('order', JSON.stringify(order));
const remembered = (): Order | null => JSON.parse(sessionStorage.getItem('order') ?? 'null');
const key = (order: Order) => ({ sessionToken: order.token, merchantSessionId: order.id, testMode: true });

// Some calls hand out a newer token (a passed challenge does); the older one is refused sooner or later.
function keepToken(order: Order, sessionToken: string) {
  order.token = sessionToken || order.token;
  remember(order);
}

function say(text: string) {
  const line = document.createElement('li');
  line.textContent = text;
  document.getElementById('log')!.append(line);
}

async function create(id: string): Promise<Order> {
  let replayed = false;
  const answer = await creator.createSessionToken(
    { merchantSessionId: id, amount: { minorAmount: 12900n, currency: Currency.EUR }, browserInfo: browser, testMode: true },
    {
      headers: { 'x-connector': 'stripe', 'x-connector-config': JSON.stringify({ config: { Stripe: { api_key: 'sk_test_x' } } }) },
      onHeader: (headers) => { replayed = headers.get('x-session-replayed') === 'true'; },
    },
  );
  if (answer.error) throw new Error(`the connector refused: ${answer.error.unifiedDetails?.message}`); // its no is an answer; ours is a ConnectError
  say(`created ${id}${replayed ? ' (it was there already: an earlier answer was lost)' : ''}`);
  return { id, token: answer.sessionToken };
}

// A single-use handle, and the address at which the bank gives the browser back.
async function beginChallenge(order: Order): Promise<BeginStepResponse> {
  const begun = await sessions.beginStep({
    ...key(order),
    name: 'three_ds_challenge',
    returnUrl: location.href,
    eventId: `challenge-${order.id}`, // the same id again: the same step, not a second one
  });
  keepToken(order, begun.sessionToken);
  return begun;
}

// The browser leaves, with a form, as a shop's page would send it.
function goToBank(order: Order, begun: BeginStepResponse) {
  const id = begun.session!.sessionId;
  const creq = { messageType: 'CReq', messageVersion: '2.2.0', challengeWindowSize: '05', threeDSServerTransID: id, acsTransID: id };
  const form = document.createElement('form');
  form.method = 'post';
  form.action = `${bank}/acs/challenge`;
  const fields = {
    creq: btoa(JSON.stringify(creq)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, ''),
    threeDSSessionData: begun.stepHandle,
    termUrl: begun.returnUrl,
    merchantName: 'Lakeside Outfitters',
    purchase: `order ${order.id}`,
  };
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement('input');
    Object.assign(input, { type: 'hidden', name, value });
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}

// The bank's word as the browser brought it. A real shop lets its connector judge it.
function challengePassed(session: Session): boolean {
  const cres = session.redirectResult?.payload['cres'];
  return cres !== undefined && JSON.parse(atob(cres.replace(/-/g, '+').replace(/_/g, '/'))).transStatus === 'Y';
}

async function tell(order: Order, event: SessionEvent) {
  const answer = await sessions.advanceSession({ ...key(order), event, eventId: `${SessionEvent[event]}-${order.id}` });
  keepToken(order, answer.sessionToken);
  say(`told ${SessionEvent[event]}: ${EventOutcome[answer.outcome]}`);
}

async function look(order: Order): Promise<Session> {
  return (await sessions.getSession({ ...key(order), browserInfo: browser })).session!;
}

const over = [SessionStatus.COMPLETED, SessionStatus.FAILED, SessionStatus.REVOKED, SessionStatus.EXPIRED];
const lost = [Code.Unavailable, Code.Unknown, Code.Internal, Code.Canceled]; // the connection, the worker or a proxy ended the stream

// Every change as it happens, whoever makes it (a webhook's receiver, say), to the end. A stream that was lost is asked for again from the
// version that was seen last: nothing is missed.
async function follow(order: Order): Promise<Session> {
  let seen = 0n;
  for (;;) {
    try {
      for await (const { session } of sessions.watchSession({ ...key(order), fromVersion: seen }, { timeoutMs: 0 })) {
        if (session!.version !== seen) say(`is ${SessionStatus[session!.status]}`);
        seen = session!.version;
        if (over.includes(session!.status)) return session!;
      }
    } catch (failure) {
      if (!lost.includes(ConnectError.from(failure).code)) throw failure;
    }
    await new Promise((resolve) => { setTimeout(resolve, 500); });
  }
}

async function leave() {
  const order = await create(crypto.randomUUID());
  goToBank(order, await beginChallenge(order));
}

async function comeBack(order: Order) {
  const session = await look(order);
  say(`came back ${SessionStatus[session.status]}`);
  const returned = session.status === SessionStatus.RETURNED;
  const passed = returned && challengePassed(session);
  if (passed) await tell(order, SessionEvent.CHALLENGE_PASSED);
  const end = follow(order);
  if (passed) {
    await tell(order, SessionEvent.PROCESSING_STARTED);
    // Here a real shop asks the connector to pay, under an idempotency key of the order's.
    await tell(order, SessionEvent.COMPLETED);
  } else if (returned) {
    await tell(order, SessionEvent.FAILED);
  }
  say(`ended SESSION_STATUS_${SessionStatus[(await end).status]}`);
  sessionStorage.removeItem('order');
}

// Errors carry google.rpc details: ErrorInfo has the reason, a word that never changes (the message may).
function show(failure: unknown) {
  const error = ConnectError.from(failure);
  const [info] = error.findDetails(ErrorInfoSchema);
  document.getElementById('error')!.textContent = `${Code[error.code]} (${info?.reason ?? 'no reason'}): ${error.rawMessage}`;
}

document.getElementById('pay')!.addEventListener('click', () => { leave().catch(show); });
const order = remembered();
if (order) comeBack(order).catch(show);
