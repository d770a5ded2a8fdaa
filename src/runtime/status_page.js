// Asks for /status.json once a second, keeps five minutes of what it tells, and draws them. Whatever does not come is shown as stale.
'use strict';

const everyMs = 1000;
const patienceMs = 4000;
const staleMs = 3500;
const keep = 300;
const svgSpace = 'http://www.w3.org/2000/svg';

const byId = (id) => document.getElementById(id);

// element('td', {class: 'bad'}, 'text', child ..): texts become text nodes, never markup.
function element(name, attributes = {}, ...children) {
  const made = ['svg', 'path', 'line', 'text'].includes(name) ? document.createElementNS(svgSpace, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== '') made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// ---- numbers

function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  if (size < 0.1) return size < 0.0005 ? '0' : value.toFixed(3);
  return value.toFixed(size >= 10 ? 1 : 2);
}

function bytes(value) {
  if (value >= 2 ** 30) return `${(value / 2 ** 30).toFixed(2)} GiB`;
  return value >= 2 ** 20 ? `${(value / 2 ** 20).toFixed(1)} MiB` : `${(value / 1024).toFixed(0)} KiB`;
}

const percent = (part) => `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;

function duration(seconds) {
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const at = parts.findIndex(([size]) => seconds >= size);
  if (at < 0) return '0 s';
  const [size, unit] = parts[at];
  const whole = Math.floor(seconds / size);
  const [next, nextUnit] = parts[at + 1] ?? [];
  const rest = next ? Math.floor((seconds - whole * size) / next) : 0;
  return rest > 0 ? `${whole} ${unit} ${rest} ${nextUnit}` : `${whole} ${unit}`;
}

// ---- histograms: [index, count, ..], eight buckets for each power of two (include/sessiond/base/metrics.h)

function upperMs(index) {
  if (index < 8) return index / 1e6;
  return ((index % 8) + 9) * 2 ** (Math.floor(index / 8) - 1) / 1e6;
}

// Of what came between two looks: {count, at(q)}; at is null where nothing came.
function between(now, before) {
  const old = new Map();
  for (let i = 0; i < (before?.length ?? 0); i += 2) old.set(before[i], before[i + 1]);
  const rows = [];
  let count = 0;
  for (let i = 0; i < now.length; i += 2) {
    const more = now[i + 1] - (old.get(now[i]) ?? 0);
    if (more > 0) rows.push([now[i], more]);
    count += Math.max(0, more);
  }
  const at = (q) => {
    let seen = 0;
    for (const [index, more] of rows) {
      seen += more;
      if (seen > q * count) return upperMs(index);
    }
    return rows.length > 0 ? upperMs(rows[rows.length - 1][0]) : null;
  };
  return { count, at };
}

// ---- history

const history = []; // of points
let last = null; // the newest answer
let arrived = 0; // when, by this browser's clock
const looks = []; // answers of the last ten seconds: tables show their rates

// What a connector did wrong, or could not be asked.
const brokenOutcomes = ['auth_failed', 'server_error', 'timeout', 'unreachable', 'bad_response'];
const sumOf = (outcomes, names) => names.reduce((total, name) => total + (outcomes?.[name] ?? 0), 0);

function point(now, before) {
  const seconds = (now.mono_ms - before.mono_ms) / 1000;
  const rate = (get) => Math.max(0, get(now) - get(before)) / seconds;
  const latency = between(now.latency, before.latency);
  const sync = between(now.sync, before.sync);
  const into = (...names) => rate((s) => names.reduce((sum, name) => sum + s.families.session_transitions_total[name], 0));
  return {
    mono: now.mono_ms,
    answered: rate((s) => s.calls.answered), refused: rate((s) => s.calls.refused), failed: rate((s) => s.calls.failed),
    broken: rate((s) => s.connectors.reduce((sum, connector) => sum + sumOf(connector.outcomes, brokenOutcomes), 0)),
    p50: latency.at(0.5), p99: latency.at(0.99),
    commits: rate((s) => s.counters.store_commits_total), puts: rate((s) => s.counters.store_puts_total), sync: sync.at(0.99),
    open: into('OPEN'), step: into('AUTHENTICATING', 'REDIRECTED'), returned: into('RETURNED'), processing: into('PROCESSING'),
    completed: into('COMPLETED'), ended: into('FAILED', 'REVOKED'),
    busy: 100 * (1 - now.load.headroom), cpu: 100 * now.load.cpu,
    connections: now.counters.connections_open, exchanges: now.counters.exchanges_open,
  };
}

// A server that was started anew counts anew: what was kept says nothing of it.
function take(status) {
  if (last && (status.uptime_s < last.uptime_s || status.mono_ms < last.mono_ms)) {
    history.length = 0;
    looks.length = 0;
    last = null;
  }
  if (last && status.mono_ms - last.mono_ms >= 200) history.push(point(status, last));
  if (history.length > keep) history.shift();
  looks.push(status);
  while (looks.length > 2 && status.mono_ms - looks[1].mono_ms >= 10000) looks.shift();
  last = status;
  arrived = Date.now();
}

// ---- charts

const charts = [
  { title: 'Calls a second', lines: [['answered', 'answered', 1], ['refused', 'refused', 2, 'dash'], ['failed', 'failed', 3]] },
  { title: 'Latency, ms', lines: [['p50', 'p50', 1], ['p99', 'p99', 5, 'dash'], ['sync', 'sync p99', 6]] },
  { title: 'Errors a second', lines: [['failed', 'failed', 3], ['refused', 'refused', 2, 'dash'], ['broken', 'connectors’', 5, 'dash']] },
  { title: 'Sessions a second, into', lines: [['open', 'open', 1], ['step', 'a step', 6, 'dash'], ['returned', 'returned', 5],
    ['processing', 'processing', 2, 'dash'], ['completed', 'completed', 4], ['ended', 'failed, revoked', 3]] },
  { title: 'Store, a second', lines: [['commits', 'commits', 1], ['puts', 'records', 6, 'dash']] },
  { title: 'Load, %', lines: [['busy', 'loops busy', 1], ['cpu', 'of a processor', 2, 'dash']], least: 100 },
];
const width = 400; // of the picture, which is stretched to its frame
const height = 150;
const inner = { left: 38, right: 4, top: 8, bottom: 18 };
let cursor = null; // the point under the pointer; null: the newest

// 1, 2 or 5 times a power of ten, not below the value.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.9999);
}

// A page that was just opened shows what it has over the whole width.
function spanMs() {
  const kept = history.length > 0 ? history[history.length - 1].mono - history[0].mono : 0;
  return [60, 120, keep].map((seconds) => seconds * 1000).find((span) => kept <= span) ?? keep * 1000;
}

const xOf = (mono, newest) => width - inner.right - (newest - mono) / spanMs() * (width - inner.left - inner.right);

function trace(key, top, newest) {
  let text = '';
  let pen = false;
  for (const [i, at] of history.entries()) {
    const gap = i > 0 && at.mono - history[i - 1].mono > 5 * everyMs;
    if (at[key] === null || at[key] === undefined) { pen = false; continue; }
    const x = xOf(at.mono, newest);
    const y = height - inner.bottom - at[key] / top * (height - inner.top - inner.bottom);
    // A point with nothing beside it would be invisible as a line.
    text += `${pen && !gap ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}${pen && !gap ? '' : 'h.6'}`;
    pen = true;
  }
  return text;
}

function prepare(chart) {
  chart.caption = element('figcaption');
  chart.svg = element('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img' });
  chart.svg.addEventListener('pointermove', (event) => {
    const box = chart.svg.getBoundingClientRect();
    const newest = history[history.length - 1]?.mono;
    const x = (event.clientX - box.left) / box.width * width;
    const distance = (at) => Math.abs(xOf(at.mono, newest) - x);
    cursor = history.reduce((best, at) => (best === null || distance(at) < distance(best) ? at : best), null);
    drawCharts();
  });
  chart.svg.addEventListener('pointerleave', () => { cursor = null; drawCharts(); });
  byId('charts').append(element('figure', {}, chart.caption, chart.svg));
}

function drawChart(chart) {
  const newest = history[history.length - 1]?.mono ?? 0;
  const shown = cursor ?? history[history.length - 1] ?? {};
  const most = Math.max(chart.least ?? 1, ...history.flatMap((at) => chart.lines.map(([key]) => at[key] ?? 0)));
  const top = roundUp(most);
  // The text keeps its shape although the picture is stretched to its frame.
  const box = chart.svg.getBoundingClientRect();
  const scale = box.width > 0 ? `scale(${(width / box.width).toFixed(4)} ${(height / box.height).toFixed(4)})` : 'scale(1)';
  const label = (text, x, y, anchor) => element('text', { transform: `translate(${x} ${y}) ${scale}`, 'text-anchor': anchor }, text);
  const parts = [];
  for (const part of [0, 0.5, 1]) {
    const y = inner.top + (1 - part) * (height - inner.top - inner.bottom);
    parts.push(element('line', { class: 'grid', x1: inner.left, x2: width - inner.right, y1: y, y2: y }));
    parts.push(label(number(part * top), inner.left - 3, y + 3, 'end'));
  }
  parts.push(label(`−${duration(spanMs() / 1000)}`, inner.left, height - 4, 'start'));
  parts.push(label(cursor ? `−${Math.round((newest - cursor.mono) / 1000)} s` : 'now', width - inner.right, height - 4, 'end'));
  for (const [key, , colour, dash] of chart.lines) parts.push(element('path', { class: `s${colour} ${dash ?? ''}`, d: trace(key, top, newest) }));
  if (cursor) {
    const x = xOf(cursor.mono, newest);
    parts.push(element('line', { class: 'cursor', x1: x, x2: x, y1: inner.top, y2: height - inner.bottom }));
  }
  chart.svg.replaceChildren(...parts);
  chart.svg.setAttribute('aria-label', `${chart.title}: ${chart.lines.map(([key, name]) => `${name} ${number(shown[key])}`).join(', ')}`);
  const sample = (colour, dash) => element('svg', { viewBox: '0 0 20 8', 'aria-hidden': 'true' },
    element('path', { class: `s${colour} ${dash ?? ''}`, d: 'M0 4H20' }));
  const isBad = (key) => (key === 'failed' || key === 'broken') && shown[key] > 0;
  const keys = chart.lines.map(([key, name, colour, dash]) => element('span', { class: `key ${isBad(key) ? 'bad' : ''}` },
    sample(colour, dash), `${name} `, element('b', {}, number(shown[key]))));
  chart.caption.replaceChildren(element('strong', {}, chart.title), ...keys);
}

function drawCharts() {
  for (const chart of charts) drawChart(chart);
}

// ---- tables

// rows: arrays of cells; a cell is a text, an element, or [text, class].
function fill(id, heads, rows, none) {
  const cell = (name, value, attributes = {}) => (Array.isArray(value)
    ? element(name, { ...attributes, class: value[1] }, value[0]) : element(name, attributes, value));
  const body = rows.map((cells) => element('tr', {}, cell('th', cells[0], { scope: 'row' }), ...cells.slice(1).map((value) => cell('td', value))));
  if (rows.length === 0) body.push(element('tr', {}, element('td', { class: 'none', colspan: String(heads.length) }, none)));
  const head = element('tr', {}, ...heads.map((value) => cell('th', value, { scope: 'col' })));
  byId(id).replaceChildren(element('thead', {}, head), element('tbody', {}, ...body));
}

const redIf = (condition, text) => (condition ? [text, 'bad'] : text);

function bar(part) {
  const filled = element('i');
  filled.style.width = `${Math.min(100, 100 * part)}%`;
  return element('span', {}, element('span', { class: `bar ${part > 0.85 ? 'bad' : ''}` }, filled), percent(part));
}

// The same row of the oldest look that is kept, and the seconds since: rates of up to ten seconds.
function since(find) {
  const first = looks[0];
  return { before: find(first), seconds: (last.mono_ms - first.mono_ms) / 1000 || Infinity };
}

const grown = (now, before, seconds) => Math.max(0, now - (before ?? 0)) / seconds;

function drawWorkers() {
  const processes = new Map(last.processes.map((process) => [process.slot, process]));
  const cpu = (process) => {
    const { before, seconds } = since((s) => s.processes.find((other) => other.pid === process.pid));
    return before ? percent(grown(process.cpu_s, before.cpu_s, seconds)) : '–';
  };
  const rows = last.workers.map((worker) => {
    const process = processes.get(worker.slot);
    const { before, seconds } = since((s) => s.workers.find((other) => other.slot === worker.slot));
    const latency = between(worker.latency, before?.latency);
    const failed = grown(worker.calls.failed, before?.calls.failed, seconds);
    const trouble = [worker.store_poisoned && 'poisoned', worker.store_full && 'full', worker.store_pressed && 'filling'].filter(Boolean).join(', ');
    const silent = worker.beat_ms > 2000;
    return [`worker ${worker.slot}`, redIf(worker.state !== 'ready', worker.state.replace('_', ' ')), String(worker.pid), `${worker.generation}`,
      redIf(silent, silent ? duration(worker.beat_ms / 1000) : 'ok'), bar(worker.busy), number(grown(worker.calls.answered, before?.calls.answered, seconds)),
      number(latency.at(0.5)), number(latency.at(0.99)), redIf(failed > 0, number(failed)), process ? number(worker.connections_open) : '–',
      number(grown(worker.store_commits_total, before?.store_commits_total, seconds)), redIf(trouble !== '', trouble || 'ok'),
      process ? cpu(process) : '–', process ? bytes(process.anonymous_bytes) : '–',
      process ? bytes(process.resident_bytes) : '–', process ? number(process.files_open) : '–'];
  });
  for (const process of last.processes.filter((other) => other.role !== 'worker'))
    rows.push([process.role, 'runs', String(process.pid), ...Array(10).fill(''), cpu(process), bytes(process.anonymous_bytes), bytes(process.resident_bytes), number(process.files_open)]);
  fill('workers', ['', 'state', 'pid', 'starts', 'beat', 'loop busy', 'calls/s', 'p50 ms', 'p99 ms', 'failed/s', 'connections', 'commits/s',
    'store', 'CPU', 'own memory', 'resident', 'files'], rows, '');
}

function drawMethods() {
  const heads = ['', 'calls', 'calls/s', 'p50 ms', 'p99 ms', 'refused/s', 'failed/s', 'refused', 'failed', ['service', 'left']];
  fill('methods', heads, last.methods.map((method) => {
    const { before, seconds } = since((s) => s.methods.find((other) => other.name === method.name));
    const latency = between(method.latency, before?.latency);
    const failed = grown(method.calls.failed, before?.calls.failed, seconds);
    const at = (q) => (method.streams ? 'a stream' : number(latency.at(q)));
    const slash = method.name.lastIndexOf('/');
    return [method.name.slice(slash + 1), number(method.calls.answered), number(grown(method.calls.answered, before?.calls.answered, seconds)),
      at(0.5), at(0.99), number(grown(method.calls.refused, before?.calls.refused, seconds)), redIf(failed > 0, number(failed)),
      number(method.calls.refused), number(method.calls.failed), [method.name.slice(0, Math.max(0, slash)), 'dim left']];
  }), 'no call yet');
}

function drawConnectors() {
  const rows = last.connectors.map((connector) => {
    const { before, seconds } = since((s) => s.connectors.find((other) => other.name === connector.name));
    const latency = between(connector.latency, before?.latency);
    const all = Object.keys(connector.outcomes);
    const calls = sumOf(connector.outcomes, all);
    const broken = sumOf(connector.outcomes, brokenOutcomes);
    const failed = grown(broken, sumOf(before?.outcomes, brokenOutcomes), seconds);
    const hosts = last.breakers.filter((breaker) => breaker.connector === connector.name);
    const open = hosts.filter((breaker) => breaker.open > 0);
    const where = open.map((breaker) => `open at ${breaker.origin} (${breaker.open} of ${breaker.known} workers)`);
    const state = open.length > 0 ? [where.join(', '), 'bad left'] : [hosts.length > 0 ? 'closed' : 'never called', 'left'];
    return [connector.name, number(calls), number(grown(calls, sumOf(before?.outcomes, all), seconds)), number(latency.at(0.5)),
      number(latency.at(0.99)), number(connector.outcomes.success), number(connector.outcomes.declined), redIf(failed > 0, number(broken)), state];
  });
  fill('connectors', ['', 'calls', 'calls/s', 'p50 ms', 'p99 ms', 'success', 'declined', 'failed', ['breaker', 'left']], rows, '');
}

function drawRefusals() {
  const { before, seconds } = since((s) => s.families.refusals_total);
  const most = Object.entries(last.families.refusals_total).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]).slice(0, 12);
  const rows = most.map(([reason, count]) => [reason === 'NONE' ? 'no reason given' : reason, number(count), number(grown(count, before[reason], seconds))]);
  fill('refusals', ['', 'calls', 'calls/s'], rows, 'nothing was refused');
}

// By which ways calls come: a row for each that was ever taken.
function drawWays() {
  const { before, seconds } = since((s) => s);
  const rows = [];
  const add = (name, get, bad = false) => {
    const [now, old] = [get(last) ?? 0, get(before) ?? 0];
    if (now > 0) rows.push([name, number(now), redIf(bad && now > old, number(grown(now, old, seconds)))]);
  };
  const addFamily = (family, name, good) => {
    for (const value of Object.keys(last.families[family] ?? {}))
      add(`${name} ${value.replace('_', ' ')}`, (s) => s.families[family]?.[value], !good.includes(value));
  };
  addFamily('door_requests_total', 'door', ['grpc', 'connect', 'route', 'plain']);
  addFamily('callers_total', 'caller', ['admitted']);
  addFamily('creations_asked_total', 'creation', ['admitted']);
  addFamily('continuations_asked_total', 'continuation', ['admitted']);
  add('TLS handshakes', (s) => s.counters.tls_handshakes_total);
  for (const kind of ['certificate', 'mismatch', 'late', 'left', 'malformed'])
    add(`TLS failed: ${kind}`, (s) => s.counters[`tls_failed_${kind}_total`], true);
  addFamily('returns_total', 'return', ['first', 'again', 'other_payload', 'expired', 'unknown', 'refused']);
  fill('ways', ['', 'calls', 'calls/s'], rows, 'nobody has called yet');
}

// Of PostgreSQL: a row for each shard.
function drawShards() {
  const rows = last.shards.map((shard) => [`shard ${shard.shard}`, redIf(shard.state !== 'open', shard.state),
    redIf(shard.cause !== 'none', shard.cause.replaceAll('_', ' ')), redIf(!shard.reads, shard.reads ? 'answered' : 'refused'), shard.durability,
    redIf(last.reasons.includes('clock_off'), number(shard.skew_ms)), String(shard.timeline)]);
  fill('store', ['', 'state', 'cause', 'reads', 'durability', 'clock, ms', 'timeline'], rows, '');
}

function drawStore() {
  if (last.shards) {
    drawShards();
    return;
  }
  const counters = last.counters;
  const sync = between(last.sync, looks[0].sync);
  const commit = between(last.commit, looks[0].commit);
  fill('store', ['', 'now'], [
    ['records, garbage included', number(counters.store_records)],
    ['bytes of records', bytes(counters.store_bytes)],
    ['bytes of files', bytes(counters.store_file_bytes)],
    ['transaction, p99 ms', number(commit.at(0.99))],
    ['of it write and sync, p99 ms', number(sync.at(0.99))],
    ['records a transaction', counters.store_commits_total > 0 ? number(counters.store_puts_total / counters.store_commits_total) : '–'],
    ['writes that failed', redIf(counters.store_failed_total > 0, number(counters.store_failed_total))],
    ['shards stopped by a failed sync', redIf(counters.store_poisoned > 0, number(counters.store_poisoned))],
    ['damaged records met', redIf(counters.store_unreadable_total > 0, number(counters.store_unreadable_total))],
    ['durability', last.durability],
  ]);
}

// ---- the top

function drawTiles() {
  const now = history[history.length - 1] ?? {};
  const used = last.table.room > 0 ? last.table.used / last.table.room : 0;
  const tiles = [
    ['calls a second', number(now.answered)], ['p50', number(now.p50), 'ms'], ['p99', number(now.p99), 'ms'],
    ['failed a second', number(now.failed), '', now.failed > 0], ['in progress', number(last.counters.exchanges_open)],
    ['connections', number(last.counters.connections_open)], ['sessions held', number(last.table.used), percent(used), used > 0.8],
    ['headroom', percent(last.load.headroom), '', last.load.headroom < 0.15],
    ['CPU of a call', last.load.call_cpu_us > 0 ? number(last.load.call_cpu_us) : '–', 'µs'],
  ];
  byId('tiles').replaceChildren(...tiles.map(([name, value, unit, bad]) => element('div', { class: 'tile' }, element('span', {}, name),
    element('b', { class: bad ? 'bad' : '' }, value), ...(unit ? [' ', element('small', {}, unit)] : []))));
}

const reasonTexts = {
  workers_missing: 'Workers are missing: fewer calls can be carried.',
  table_full: 'The session table is full: new sessions are refused.',
  store_full: 'A shard takes no records (disk or quota is full): new sessions are refused.',
  store_away: 'No database takes writes: every call that needs one is refused.',
  shards_away: 'A database does not take writes: calls for the sessions that it has are refused, all others are answered.',
  clock_off: 'This machine’s clock and a database’s differ by more than store.pg.skew_max_ms: no calls are taken.',
};

// Texts are set only when they change: a screen reader would say them again each second.
function set(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function warnings(stale) {
  const texts = [];
  if (stale) texts.push(`The server has not answered since ${new Date(arrived).toLocaleTimeString()}: what is shown is old.`);
  if (!last) return texts;
  texts.push(...last.reasons.map((reason) => reasonTexts[reason] ?? reason));
  if (last.pressed > 0) {
    texts.push(`Session table or store filled to 80 % (told by ${last.pressed} of ${last.workers.length} workers): new sessions are refused ` +
      'when it is full. See Sizing in the runbook.');
  }
  if (last.counters.overload_shedding > 0)
    texts.push(`More is asked than can be done: ${last.counters.overload_shedding} of ${last.workers.length} workers shed load.`);
  if (last.counters.store_poisoned > 0) texts.push('A failed sync has stopped a shard: look at the disk.');
  const open = last.breakers.filter((breaker) => breaker.open > 0);
  texts.push(...open.map((breaker) => `${breaker.connector} at ${breaker.origin} is left alone: its breaker is open.`));
  return texts;
}

function mark(stale) {
  if (!last || stale) return [last ? 'no answer' : 'connecting', last ? 'bad' : ''];
  if (last.state === 'ready') return [last.pressed > 0 ? 'filling' : 'ready', last.pressed > 0 ? 'warn' : 'good'];
  return [last.state, 'bad'];
}

function drawIcon(colour) {
  const picture = `<svg xmlns="${svgSpace}" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${colour}"/></svg>`;
  const url = `data:image/svg+xml,${encodeURIComponent(picture)}`;
  if (byId('icon').href !== url) byId('icon').href = url;
}

function drawTop() {
  const stale = arrived > 0 && Date.now() - arrived > staleMs;
  const [text, kind] = mark(stale);
  const told = warnings(stale);
  document.body.classList.toggle('stale', stale);
  set('state', text);
  byId('state').className = `mark ${kind}`;
  document.title = kind === 'good' ? 'sessiond' : `${text} – sessiond`;
  drawIcon({ good: '#157347', bad: '#c01f1f' }[kind] ?? '#8a5300');
  if ([...byId('warnings').children].map((child) => child.textContent).join('\n') !== told.join('\n'))
    byId('warnings').replaceChildren(...told.map((line) => element('p', { class: 'warning' }, line)));
  set('age', arrived > 0 ? `answered ${new Date(arrived).toLocaleTimeString()}` : 'waiting for an answer');
  if (!last) return;
  const deaths = `${number(last.worker_deaths)} ${last.worker_deaths === 1 ? 'worker has' : 'workers have'} died`;
  set('about', `version ${last.version} (${last.version_commit}) on ${last.listen}, durability ${last.durability}, up ${duration(last.uptime_s)}, ${deaths}`);
}

function draw() {
  drawTop();
  if (!last) return;
  drawTiles();
  drawCharts();
  drawWorkers();
  drawMethods();
  drawConnectors();
  drawRefusals();
  drawWays();
  drawStore();
}

// ---- the loop: the next question a second after the last one was put, never two at once

async function ask() {
  const begun = Date.now();
  try {
    const answer = await fetch('/status.json', { signal: AbortSignal.timeout(patienceMs), cache: 'no-store' });
    if (answer.ok) take(await answer.json());
    draw();
  } catch {
    drawTop();
  }
  setTimeout(ask, Math.max(50, everyMs - (Date.now() - begun)));
}

charts.forEach(prepare);
setInterval(drawTop, everyMs);
addEventListener('resize', drawCharts);
ask();
