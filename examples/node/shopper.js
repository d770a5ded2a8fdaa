// Stands in for the shopper and the browser: opens the bank's page, types the code, and goes where the pages lead. A real shop has none
// of this, it has a browser.

// What a shop's server knows of it, from the shopper's request.
export const browser = { userAgent: 'Mozilla/5.0 (X11; Linux x86_64) example', acceptLanguage: 'en' };

// A redirect is an answer here: where it leads is what we want to know.
const post = (url, fields) => fetch(url, {
  method: 'POST', redirect: 'manual', headers: { 'user-agent': browser.userAgent }, body: new URLSearchParams(fields),
});

const text = (escaped) => escaped.replace(/&(?:amp|lt|gt|quot|#39);/g, (name) => ({ '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" })[name]);

// The first form of a page: its address and its hidden fields. Good enough for a page that is known.
async function formOf(response) {
  const page = await response.text();
  const action = new URL(text(/<form [^>]*action="([^"]*)"/.exec(page)[1]), response.url).href;
  const hidden = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
  return { action, fields: Object.fromEntries(hidden.map(([, name, value]) => [text(name), text(value)])) };
}

// The address of the shop at which the browser ends.
export async function confirm(challengeUrl, fields, code) {
  const asked = await formOf(await post(challengeUrl, fields));
  const answered = await formOf(await post(asked.action, { ...asked.fields, code }));
  const answer = await post(answered.action, answered.fields); // to sessiond, which keeps it and sends the browser on
  if (answer.status !== 303) throw new Error(`the browser was not sent on: ${answer.status}`);
  return answer.headers.get('location');
}
