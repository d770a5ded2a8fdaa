// The payment server's messages, as far as a shop needs them: protobuf written and read by field numbers, without a library. A real shop has the
// platform's own stubs for them, in whatever language it is written.
const currencies = { EUR: 45, USD: 146 };
const statuses = { 4: 'AUTHENTICATION_PENDING', 6: 'AUTHORIZED', 8: 'CHARGED', 20: 'PENDING', 21: 'FAILURE' };

// ---- the wire

function varint(value) {
  const bytes = [];
  for (let left = BigInt(value); ; left >>= 7n) {
    if (left < 128n) return Buffer.from([...bytes, Number(left)]);
    bytes.push(Number(left & 127n) | 128);
  }
}

const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);

function bytes(field, value) {
  const data = Buffer.from(value);
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);
}

const message = (field, ...parts) => bytes(field, Buffer.concat(parts));
const secret = (field, text) => message(field, bytes(1, text));

// {field: value of the last one}, and all of them by `all`.
function read(data) {
  const all = [];
  let at = 0;
  const take = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = data[at];
      at += 1;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(value);
    }
  };
  while (at < data.length) {
    const tag = take();
    if ((tag & 7) === 0) {
      all.push([tag >> 3, take()]);
    } else if ((tag & 7) === 2) {
      const size = take();
      all.push([tag >> 3, data.subarray(at, at + size)]);
      at += size;
    } else {
      throw new Error(`wire type ${tag & 7}`);
    }
  }
  return { ...Object.fromEntries(all), all };
}

// ---- messages

const money = (field, amount) => message(field, number(1, amount.minor_amount), number(2, currencies[amount.currency]));
const browser = (field, info) => message(field, bytes(9, info.user_agent), bytes(10, info.accept_language), bytes(12, info.ip_address));
const card = (field, pan) => message(field, message(3, secret(1, pan), secret(2, '12'), secret(3, '2030'), secret(4, '123')));

// types.PaymentServiceAuthorizeRequest. The session token stands where the platform has the connector's, which sessiond puts in.
export const authorizeRequest = ({ transaction, order, token, amount, pan, info, returnUrl }) => Buffer.concat([
  bytes(1, transaction), money(2, amount), card(5, pan), bytes(14, returnUrl), bytes(17, token), bytes(19, order), browser(26, info), number(30, 1)]);

// types.PaymentServiceGetRequest.
export const getRequest = ({ transaction }) => Buffer.concat([bytes(1, transaction), number(13, 1)]);

function formOf(data) {
  if (data === undefined || read(data)[1] === undefined) return undefined;
  const form = read(read(data)[1]);
  const fields = form.all.filter(([field]) => field === 3).map(([, entry]) => read(entry));
  return { action: String(form[1]), fields: Object.fromEntries(fields.map((entry) => [String(entry[1]), String(entry[2] ?? '')])) };
}

// Of types.PaymentServiceAuthorizeResponse: {status, form}; form: what the browser has to post, and where.
export function authorizeAnswer(data) {
  const answer = read(data);
  return { status: statuses[answer[3]] ?? String(answer[3]), form: formOf(answer[7]) };
}
