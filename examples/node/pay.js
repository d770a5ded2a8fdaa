// One whole 3-D Secure payment by gRPC: what a shop's server does, from the first call to the end.
//
//     node pay.js [ORDER_ID]
//
// SESSIOND names the server (127.0.0.1:8080), BANK the bank's challenge page (the sandbox's simulator: http://127.0.0.1:8090).
import { randomUUID } from 'node:crypto';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { ErrorInfoSchema } from './gen/google/rpc/error_details_pb.js';
import { Currency } from './gen/payment_types/currency_pb.js';
import { MerchantAuthenticationService } from './gen/payment_types/merchant_authentication_pb.js';
import { EventOutcome, SessionEvent, SessionService, SessionStatus } from './gen/sessiond/v1/session_pb.js';
import { retry } from './retry.js';
import { browser, confirm } from './shopper.js';

const sessiond = process.env.SESSIOND ?? '127.0.0.1:8080';
const bank = process.env.BANK ?? 'http://127.0.0.1:8090';
const shop = 'http://localhost:3000'; // where the browser comes back to; the sandbox takes any address of this machine

// The time is that of all attempts of one call together.
const transport = createGrpcTransport({ baseUrl: `http://${sessiond}`, defaultTimeoutMs: 20000, interceptors: [retry] });
const creator = createClient(MerchantAuthenticationService, transport);
const sessions = createClient(SessionService, transport);

// Whose account at which connector pays. A shop with one account sends the same two headers with every create.
const connector = {
  'x-connector': 'stripe',
  'x-connector-config': JSON.stringify({ config: { Stripe: { api_key: 'sk_test_x' } } }),
};

// One order's session. The token is the right to go on with it: it stays on the server.
class Payment {
  constructor(orderId) {
    this.orderId = orderId;
    this.token = '';
  }

  async create(amount) {
    let replayed = false;
    const answer = await creator.createSessionToken({
      merchantSessionId: this.orderId,
      amount,
      browserInfo: browser, // the session is bound to it
      testMode: true,
    }, { headers: connector, onHeader: (headers) => { replayed = headers.get('x-session-replayed') === 'true'; } });
    if (answer.error) throw new Error(`the connector refused: ${answer.error.unifiedDetails?.message}`); // its no is an answer; ours is a ConnectError
    this.token = answer.sessionToken;
    console.log(`created    ${this.orderId}${replayed ? ' (it was there already: an earlier answer was lost)' : ''}`);
  }

  // A single-use handle, and the address at which the bank gives the browser back.
  async beginChallenge() {
    return this.keep(await sessions.beginStep({
      ...this.key(),
      name: 'three_ds_challenge',
      returnUrl: `${shop}/orders/${this.orderId}`,
      eventId: `challenge-${this.orderId}`, // the same id again: the same step, not a second one
    }));
  }

  // The session as it is; the browser that has come back must be the one that left.
  async look() {
    return (await sessions.getSession({ ...this.key(), browserInfo: browser })).session;
  }

  async tell(event) {
    const answer = this.keep(await sessions.advanceSession({ ...this.key(), event, eventId: `${SessionEvent[event]}-${this.orderId}` }));
    console.log(`told       ${SessionEvent[event]}: ${EventOutcome[answer.outcome]}`);
  }

  key() {
    return { sessionToken: this.token, merchantSessionId: this.orderId, testMode: true };
  }

  // Some calls hand out a newer token (a passed challenge does); the older one is refused sooner or later.
  keep(answer) {
    this.token = answer.sessionToken || this.token;
    return answer;
  }
}

// What the shop's page posts to the bank, with the shopper's browser.
function challengeForm(orderId, begun) {
  const creq = {
    messageType: 'CReq', messageVersion: '2.2.0', challengeWindowSize: '05',
    threeDSServerTransID: begun.session.sessionId, acsTransID: begun.session.sessionId,
  };
  return {
    creq: Buffer.from(JSON.stringify(creq)).toString('base64url'),
    threeDSSessionData: begun.stepHandle,
    termUrl: begun.returnUrl,
    merchantName: 'Lakeside Outfitters',
    purchase: `order ${orderId}`,
  };
}

// The bank's word as the browser brought it. A real shop lets its connector judge it.
function challengePassed(session) {
  const cres = session.redirectResult?.payload.cres;
  return cres !== undefined && JSON.parse(Buffer.from(cres, 'base64url').toString()).transStatus === 'Y';
}

async function pay(payment) {
  await payment.create({ minorAmount: 12900n, currency: Currency.EUR });

  const begun = await payment.beginChallenge();
  const backAt = await confirm(`${bank}/acs/challenge`, challengeForm(payment.orderId, begun), '1234');
  console.log(`came back  to ${backAt}`);

  const session = await payment.look();
  if (session.status === SessionStatus.RETURNED && challengePassed(session)) {
    await payment.tell(SessionEvent.CHALLENGE_PASSED);
    await payment.tell(SessionEvent.PROCESSING_STARTED);
    // Here a real shop asks the connector to pay, under an idempotency key of the order's.
    await payment.tell(SessionEvent.COMPLETED);
  } else {
    await payment.tell(SessionEvent.FAILED);
  }
  return payment.look();
}

// Errors carry google.rpc details: ErrorInfo has the reason, a word that never changes (the message may).
function reason(error) {
  const [info] = error.findDetails(ErrorInfoSchema);
  return info === undefined ? 'no reason' : `${info.reason} ${JSON.stringify(info.metadata)}`;
}

try {
  const session = await pay(new Payment(process.argv[2] ?? randomUUID()));
  console.log(`ended      SESSION_STATUS_${SessionStatus[session.status]}`);
} catch (error) {
  console.error(error instanceof ConnectError ? `${Code[error.code]} (${reason(error)}): ${error.rawMessage}` : error.message);
  process.exitCode = 1;
}
