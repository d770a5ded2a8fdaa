// The shop's pages: plain HTML, one style, one small script that hands the browser over to the bank.
export const shopName = 'Lakeside Outfitters';
// Test cards of the simulated payment server: what the shopper chooses by name.
export const cards = { challenge: '4000000000003220', plain: '4111111111111111', declined: '4000000000000002' };
export const total = { minor_amount: 12900, currency: 'EUR' };

const symbols = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => symbols[c]);

export const money = ({ minor_amount: minor, currency }) =>
  new Intl.NumberFormat('en-IE', { style: 'currency', currency }).format(Number(minor) / 100);

const style = `
*{box-sizing:border-box}
:root{--ink:#20242c;--soft:#596273;--line:#dfe3ea;--accent:#224fbd;--ground:#f6f4f0}
body{margin:0;background:var(--ground);color:var(--ink);font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif}
header{background:#fff;border-bottom:1px solid var(--line);padding:1rem 0}
header div,main{max-width:44rem;margin:0 auto}
header div{padding:0 1.5rem}
header a{color:var(--ink);text-decoration:none;font-weight:700;letter-spacing:.01em}
main{padding:2.25rem 1.5rem 4rem}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 1.1rem}
p{margin:0 0 1rem}
.card{background:#fff;border:1px solid var(--line);border-radius:.9rem;padding:1.5rem}
.item{display:flex;gap:1.25rem;align-items:center}
.item svg{flex:none;width:6.5rem;height:6.5rem;border-radius:.7rem;background:#e7eef6}
.item h2{font-size:1.15rem;margin:0}
.item p{margin:.15rem 0 0;color:var(--soft)}
.price{margin-left:auto;font-weight:650;white-space:nowrap}
table{width:100%;border-collapse:collapse;margin:1.25rem 0 1.5rem}
th,td{padding:.6rem 0;border-top:1px solid var(--line);text-align:left;font-weight:400}
td{text-align:right}
tr:last-child th,tr:last-child td{font-weight:700;font-size:1.15rem}
button,.button{display:inline-block;width:100%;border:0;border-radius:.7rem;background:var(--accent);color:#fff;font:inherit;font-weight:650;
padding:.85rem 1.25rem;text-align:center;text-decoration:none;cursor:pointer}
button:focus-visible,a:focus-visible{outline:3px solid #8fb0ff;outline-offset:2px}
fieldset{border:0;margin:0 0 1.25rem;padding:0}
legend{font-weight:650;padding:0 0 .4rem}
label{display:flex;gap:.6rem;align-items:center;padding:.3rem 0}
.soft{color:var(--soft);font-size:.95rem}
.sign{width:3.25rem;height:3.25rem;display:block;margin:0 0 1rem}
@media(max-width:32rem){.item{flex-wrap:wrap}.price{margin-left:0}}`;

const page = (title, body) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} - ${shopName}</title>
<style>${style}</style>
</head>
<body>
<header><div><a href="/">${shopName}</a></div></header>
<main>
${body}
</main>
</body>
</html>
`;

const sign = (colour, path) => `<svg class="sign" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="22" fill="${colour}" opacity=".14"/>
<path d="${path}" fill="none" stroke="${colour}" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round"/></svg>`;
const good = sign('#18794a', 'm15 25 6 6 12-13');
const bad = sign('#b3261e', 'm17 17 14 14m0-14-14 14');
const wait = sign('#224fbd', 'M24 14v10l7 4');

const item = `<div class="item">
<svg viewBox="0 0 104 104" aria-hidden="true"><path d="M34 86V46c0-12 8-20 18-20s18 8 18 20v40z" fill="#3f6fb5"/>
<path d="M34 62h36v24H34z" fill="#315a97"/><path d="M42 26c0-8 4-12 10-12s10 4 10 12" fill="none" stroke="#274879" stroke-width="4"/>
<path d="M44 68h16v8H44z" fill="#e9c46a"/></svg>
<div><h2>Harbour backpack, 24 litres</h2><p>Waxed canvas, blue. One piece.</p></div>
<div class="price">${money({ minor_amount: 12400, currency: 'EUR' })}</div>
</div>`;

const sums = `<table>
<tr><th scope="row">Backpack</th><td>${money({ minor_amount: 12400, currency: 'EUR' })}</td></tr>
<tr><th scope="row">Delivery</th><td>${money({ minor_amount: 500, currency: 'EUR' })}</td></tr>
<tr><th scope="row">Total</th><td>${money(total)}</td></tr>
</table>`;

export const cart = () => page('Your cart', `<h1>Your cart</h1>
<div class="card">${item}${sums}
<form method="post" action="/checkout"><button type="submit" id="checkout">Check out</button></form></div>`);

const cardNames = {
  challenge: 'Card ending in 3220: the bank asks you to confirm (code 1234)',
  plain: 'Card ending in 1111: paid at once',
  declined: 'Card ending in 0002: the bank declines',
};

export const review = (order) => page('Review your order', `<h1>Review your order</h1>
<div class="card">${item}${sums}
<form method="post" action="/orders/${order.id}/pay"><fieldset><legend>Card</legend>${Object.entries(cardNames).map(([name, text], at) => `
<label><input type="radio" name="card" value="${name}"${at === 0 ? ' checked' : ''}>${escape(text)}</label>`).join('')}</fieldset>
<button type="submit" id="pay">Pay ${escape(money(order.amount))}</button></form>
<p class="soft" style="margin:1rem 0 0">Your bank may ask you to confirm this payment.</p></div>`);

export const handOver = ({ action, fields }) => page('To your bank', `<h1>One moment</h1>
<div class="card">${wait}<p>We are taking you to your bank, where you confirm the payment.</p>
<form id="bank" method="post" action="${escape(action)}">
${Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`).join('\n')}
<button type="submit">Continue to your bank</button>
</form></div>
<script>document.getElementById('bank').submit()</script>`);

const outcomes = {
  SESSION_STATUS_COMPLETED: (order) => [good, 'Thank you for your order', `Your payment of ${money(order.amount)} is confirmed. The parcel leaves tomorrow.`],
  SESSION_STATUS_FAILED: () => [bad, 'The payment was not made', 'Your bank did not confirm it. Nothing was charged.'],
  SESSION_STATUS_OPEN: (order) => [bad, 'Your card was declined', 'Nothing was charged. You can pay with another card.', `/orders/${order.id}`],
  SESSION_STATUS_REVOKED: () => [bad, 'This order was cancelled', 'Nothing was charged.'],
  SESSION_STATUS_EXPIRED: () => [bad, 'This order has run out of time', 'Nothing was charged. Please start again.'],
};

// What the session remembers of calls through it to the payment server. A shop would not show that; a demonstration does.
const callsOf = (session) => `<ul class="soft" id="calls">${(session.gateway_calls ?? []).map(({ method, merchant_id: id, state }) =>
  `<li>${escape(`${method.split('/').pop()} ${id}: ${state.replace('GATEWAY_CALL_STATE_', '').toLowerCase()}`)}</li>`).join('')}</ul>`;

export function result(order, session) {
  const known = outcomes[session.status];
  const [icon, title, text, again] = known ? known(order)
    : [wait, 'Your payment is on its way', 'We are waiting for your bank. Please load this page again in a moment.'];
  return page(title, `<h1 id="outcome" data-status="${escape(session.status)}">${title}</h1>
<div class="card">${icon}<p>${escape(text)}</p>
<p class="soft">Order number ${escape(order.id.replace(/^order-/, ''))}</p>${callsOf(session)}${again ? `<a class="button" id="again" href="${again}">Pay with another card</a>`
    : '<a class="button" href="/">Back to the shop</a>'}</div>`);
}

export const notice = (title, text) => page(title, `<h1>${escape(title)}</h1><div class="card">${bad}<p>${escape(text)}</p>
<a class="button" href="/">Back to the shop</a></div>`);
