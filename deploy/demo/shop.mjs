// A demonstration shop: the merchant's back end of a payment, with or without a 3-D Secure challenge, against a sessiond in sandbox mode with a
// payment server behind it (upstream.grpc): the money is asked for through sessiond, once.
// Node without dependencies. It is written as a real one should be: the session token stays on the server, every call can be
// repeated safely, nothing about the way back depends on a cookie.
//
//   SESSIOND_URL  http://127.0.0.1:8080              where the shop calls sessiond
//   SHOP_URL      http://localhost:8070              the shop's own address; another site than the bank's on purpose
//   SHOP_PORT     8070
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import * as pages from './pages.mjs';
import { authorizeAnswer, authorizeRequest, getRequest } from './payments.mjs';
import { Sessiond, SessiondError } from './sessiond.mjs';

const port = Number(process.env.SHOP_PORT ?? 8070);
const shopUrl = process.env.SHOP_URL ?? `http://localhost:${port}`;
const sessiond = new Sessiond(process.env.SESSIOND_URL ?? 'http://127.0.0.1:8080');
const bodyBytesMax = 64 * 1024;
const ordersMax = 10000;

// The merchant's own data base, as small as it can be: order id -> {id, token, amount, fulfilled, turn, transaction, returnUrl}.
const orders = new Map();

// ---- the way of a payment

// Letters only: a run of digits might look like a card number.
const newId = () => `order-${[...randomBytes(14)].map((byte) => String.fromCharCode(97 + (byte % 26))).join('')}`;

// What is known of the shopper's browser without a script; every later step is compared with it.
function browserInfo(request) {
  return {
    user_agent: request.headers['user-agent'] ?? '',
    accept_language: request.headers['accept-language'] ?? '',
    ip_address: '127.0.0.1',
  };
}

async function checkout(request) {
  if (orders.size >= ordersMax) orders.delete(orders.keys().next().value);
  const order = { id: newId(), amount: pages.total, token: '', fulfilled: 0, turn: 0 };
  const answer = await sessiond.createSessionToken({
    merchant_session_id: order.id,
    amount: order.amount,
    metadata: JSON.stringify({ order: order.id }),
    browser_info: browserInfo(request),
    test_mode: true,
  });
  order.token = answer.session_token;
  orders.set(order.id, order);
  return order;
}

const keyOf = (order) => ({ session_token: order.token, merchant_session_id: order.id, test_mode: true });

// A call may hand out a newer token; the older one is refused sooner or later.
function keepToken(order, answer) {
  if (answer.session_token) order.token = answer.session_token;
  return answer;
}

// The address at which the browser would come back, known before anybody knows whether it has to leave. The same event id each time: a
// repeated click on "Pay" gives the same step, not a second one.
async function beginStep(order) {
  const answer = keepToken(order, await sessiond.call('BeginStep', {
    ...keyOf(order),
    name: 'three_ds_challenge',
    return_url: `${shopUrl}/orders/${order.id}/result`,
    event_id: `challenge-${order.id}-${order.turn}`,
  }));
  order.returnUrl = answer.return_url;
}

// The money, by a transaction id: the same id is the same payment, however often it is asked for.
const authorize = async (order, transaction, info) => authorizeAnswer(await sessiond.pay('Authorize', order.token, order.id, authorizeRequest({
  transaction, order: order.id, token: order.token, amount: order.amount, pan: order.pan, info, returnUrl: order.returnUrl,
})));

// A payment whose answer is lost for good is never asked for again: the payment server is asked what became of it, which tells the session.
async function payOrAsk(order, transaction, info) {
  order.transaction = transaction;
  try {
    return await authorize(order, transaction, info);
  } catch (error) {
    if (error.reason !== 'CALL_OUTCOME_UNKNOWN') throw error;
    await sessiond.pay('Get', order.token, order.id, getRequest({ transaction }));
    return {};
  }
}

// "Pay", with a card: paid, declined, or the bank wants to see the shopper first; then what the browser has to post there.
async function pay(order, pan, info) {
  if (order.transaction === undefined) await beginStep(order);
  order.pan = pan;
  return (await payOrAsk(order, `${order.id}-${order.turn}`, info)).form;
}

function challengePassed(session) {
  try {
    const cres = JSON.parse(Buffer.from(session.redirect_result.payload.cres, 'base64url').toString());
    return cres.transStatus === 'Y';
  } catch {
    return false;
  }
}

const advance = (order, event) => sessiond.call('AdvanceSession', { ...keyOf(order), event, event_id: `${event}-${order.id}` })
  .then((answer) => keepToken(order, answer));

const look = async (order, info) => (await sessiond.call('GetSession', { ...keyOf(order), browser_info: info })).session;

// The shopper is back, or looks again. A payment after a challenge has an id of its own; what the browser has brought back sessiond puts in.
async function settle(order, info) {
  const before = await look(order, info);
  if (before.status === 'SESSION_STATUS_RETURNED' && !challengePassed(before)) return (await advance(order, 'SESSION_EVENT_FAILED')).session;
  if (before.status === 'SESSION_STATUS_RETURNED') await payOrAsk(order, `${order.id}-${order.turn}-confirmed`, info);
  if (before.status === 'SESSION_STATUS_PROCESSING') await payOrAsk(order, order.transaction, info); // somebody began, and perhaps died
  const session = await look(order, info);
  if (session.status === 'SESSION_STATUS_COMPLETED') order.fulfilled = 1; // the parcel leaves exactly once
  if (session.status === 'SESSION_STATUS_OPEN' && order.transaction !== undefined) { // declined: another card, another payment
    order.turn += 1;
    delete order.transaction;
  }
  return session;
}

// ---- pages and forms

function send(response, status, html, headers = {}) {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(html);
}

const redirect = (response, location, headers = {}) => {
  response.writeHead(303, { location, 'cache-control': 'no-store', ...headers });
  response.end();
};

// The cookies that a shop has. Neither comes along when the bank posts the browser back; nothing here needs them to.
const shopCookies = () => {
  const id = randomBytes(9).toString('base64url');
  return ['Lax', 'Strict'].map((mode) => `shop_${mode.toLowerCase()}=${id}; Path=/; HttpOnly; SameSite=${mode}`);
};

async function form(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error('body too large');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

async function payAndLead(request, response, order, fields) {
  const toPost = await pay(order, pages.cards[fields.get('card')] ?? '', browserInfo(request));
  if (toPost) send(response, 200, pages.handOver(toPost));
  else redirect(response, `/orders/${order.id}/result`);
}

const routes = [
  ['GET', /^\/$/, async (request, response) => send(response, 200, pages.cart(), { 'set-cookie': shopCookies() })],
  ['POST', /^\/checkout$/, async (request, response) => redirect(response, `/orders/${(await checkout(request)).id}`)],
  ['GET', /^\/orders\/([a-z-]+)$/, async (request, response, order) => send(response, 200, pages.review(order))],
  ['POST', /^\/orders\/([a-z-]+)\/pay$/, payAndLead],
  ['GET', /^\/orders\/([a-z-]+)\/result$/, async (request, response, order) =>
    send(response, 200, pages.result(order, await settle(order, browserInfo(request))))],
  ['GET', /^\/orders\/([a-z-]+)\/facts$/, async (request, response, order) => {
    const { session } = await sessiond.call('GetSession', keyOf(order));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({
      fulfilled: order.fulfilled, status: session.status, version: session.version, events: session.events, calls: session.gateway_calls ?? [],
    }));
  }],
];

async function answer(request, response) {
  const path = new URL(request.url, shopUrl).pathname;
  for (const [method, pattern, handle] of routes) {
    const match = pattern.exec(path);
    if (!match || method !== request.method) continue;
    const order = match[1] === undefined ? undefined : orders.get(match[1]);
    if (match[1] !== undefined && !order) break;
    const fields = await form(request);
    await handle(request, response, order, fields);
    return;
  }
  send(response, 404, pages.notice('We cannot find that page', 'Perhaps the order is older than this demonstration.'));
}

createServer((request, response) => {
  answer(request, response).catch((error) => {
    const refused = error instanceof SessiondError;
    console.error(`${request.method} ${new URL(request.url, shopUrl).pathname}: ${refused ? `${error.code} ${error.reason}` : error.message}`);
    if (response.headersSent) response.destroy();
    else if (refused && error.reason === 'STEP_OVER') send(response, 409, pages.notice('This step is already done', 'Please look at your order.'));
    else send(response, refused ? 409 : 503, pages.notice('That did not work', 'Please load this page again. You will not be charged twice.'));
  });
}).listen(port, '127.0.0.1', () => console.log(`shop: ${shopUrl}`));
