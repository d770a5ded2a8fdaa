// What the page does for the test: calls by each library that browsers have for these protocols. All go to `window.calls`.
import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import * as grpcweb from 'grpc-web';
import { BadRequestSchema, ErrorInfoSchema } from './gen/google/rpc/error_details_pb';
import { StatusSchema } from './gen/google/rpc/status_pb';
import {
  MerchantAuthenticationService, MerchantAuthenticationServiceCreateSessionTokenRequestSchema as CreateRequest,
  MerchantAuthenticationServiceCreateSessionTokenResponseSchema as CreateResponse,
} from './gen/payment_types/merchant_authentication_pb';
import { Currency } from './gen/payment_types/currency_pb';
import {
  AdvanceSessionRequestSchema, AdvanceSessionResponseSchema, GetSessionRequestSchema, GetSessionResponseSchema, SessionEvent, SessionService, SessionStatus,
  WatchSessionRequestSchema, WatchSessionResponseSchema,
} from './gen/sessiond/v1/session_pb';

type Refusal = { code: string; message: string; reason?: string; fields?: string[] };
type Key = { sessionToken: string; merchantSessionId: string; testMode: boolean };

// One way to call: what is given is a message's fields, what comes back is a message. watch ends when the callback says so.
interface Way {
  create(fields: object): Promise<{ sessionToken: string }>;
  get(key: Key): Promise<{ session?: { status: SessionStatus } }>;
  advance(key: Key, event: SessionEvent): Promise<unknown>;
  watch(key: Key, told: (status: string) => boolean | Promise<boolean>): Promise<void>;
}

const metadata = { 'x-connector': 'stripe', 'x-connector-config': '{"config":{"Stripe":{"api_key":"sk_test_x"}}}' };

class ByConnect implements Way {
  private readonly creator;
  private readonly sessions;

  constructor(transport: Transport) {
    this.creator = createClient(MerchantAuthenticationService, transport);
    this.sessions = createClient(SessionService, transport);
  }

  create = (fields: object) => this.creator.createSessionToken(fields, { headers: metadata });
  get = (key: Key) => this.sessions.getSession(key);
  advance = (key: Key, event: SessionEvent) => this.sessions.advanceSession({ ...key, event, eventId: SessionEvent[event] });

  async watch(key: Key, told: (status: string) => boolean | Promise<boolean>) {
    const stop = new AbortController();
    try {
      for await (const { session } of this.sessions.watchSession(key, { signal: stop.signal })) {
        if (await told(SessionStatus[session!.status])) stop.abort();
      }
    } catch (error) {
      if (!(stop.signal.aborted && ConnectError.from(error).code === Code.Canceled)) throw error;
    }
  }
}

// Google's runtime; its code generator's part is a path and two functions.
class ByGrpcWeb implements Way {
  private readonly client;

  constructor(private readonly url: string, format: 'text' | 'binary') {
    this.client = new grpcweb.GrpcWebClientBase({ format });
  }

  private method<I extends DescMessage, O extends DescMessage>(name: string, type: string, input: I, output: O) {
    return new grpcweb.MethodDescriptor<MessageShape<I>, MessageShape<O>>(name, type, Object as never, Object as never,
      (message: MessageShape<I>) => toBinary(input, message), (bytes: Uint8Array) => fromBinary(output, bytes));
  }

  private unary<I extends DescMessage, O extends DescMessage>(name: string, input: I, output: O, fields: object, headers = {}) {
    return this.client.unaryCall(this.url + name, create(input, fields as never), headers, this.method(name, 'unary', input, output));
  }

  create = (fields: object) => this.unary('/types.MerchantAuthenticationService/CreateSessionToken', CreateRequest, CreateResponse, fields, metadata);
  get = (key: Key) => this.unary('/sessiond.v1.SessionService/GetSession', GetSessionRequestSchema, GetSessionResponseSchema, key);
  advance = (key: Key, event: SessionEvent) => this.unary('/sessiond.v1.SessionService/AdvanceSession', AdvanceSessionRequestSchema,
    AdvanceSessionResponseSchema, { ...key, event, eventId: SessionEvent[event] });

  watch(key: Key, told: (status: string) => boolean | Promise<boolean>) {
    const name = '/sessiond.v1.SessionService/WatchSession';
    const stream = this.client.serverStreaming(this.url + name, create(WatchSessionRequestSchema, key), {},
      this.method(name, 'server_streaming', WatchSessionRequestSchema, WatchSessionResponseSchema));
    return new Promise<void>((done, fail) => {
      stream.on('data', async ({ session }) => {
        if (await told(SessionStatus[session!.status])) { stream.cancel(); done(); }
      });
      stream.on('error', fail);
      stream.on('end', () => done());
    });
  }
}

const ways: Record<string, (url: string) => Way> = {
  'connect-web, Connect, JSON': (baseUrl) => new ByConnect(createConnectTransport({ baseUrl })),
  'connect-web, Connect, protobuf': (baseUrl) => new ByConnect(createConnectTransport({ baseUrl, useBinaryFormat: true })),
  'connect-web, Connect, GET': (baseUrl) => new ByConnect(createConnectTransport({ baseUrl, useHttpGet: true })),
  'connect-web, gRPC-Web': (baseUrl) => new ByConnect(createGrpcWebTransport({ baseUrl })),
  'connect-web, gRPC-Web, JSON': (baseUrl) => new ByConnect(createGrpcWebTransport({ baseUrl, useBinaryFormat: false })),
  'grpc-web, text': (url) => new ByGrpcWeb(url, 'text'),
  'grpc-web, binary': (url) => new ByGrpcWeb(url, 'binary'),
};

function refusalOf(error: unknown): Refusal {
  if (error instanceof grpcweb.RpcError) {
    const code = Object.entries(grpcweb.StatusCode).find(([, number]) => number === error.code)![0].toLowerCase();
    const refusal: Refusal = { code, message: error.message };
    const packed = error.metadata['grpc-status-details-bin'];
    for (const { typeUrl, value } of packed ? fromBinary(StatusSchema, Uint8Array.from(atob(packed), (c) => c.charCodeAt(0))).details : []) {
      if (typeUrl.endsWith('.ErrorInfo')) refusal.reason = fromBinary(ErrorInfoSchema, value).reason;
      if (typeUrl.endsWith('.BadRequest')) refusal.fields = fromBinary(BadRequestSchema, value).fieldViolations.map(({ field }) => field).sort();
    }
    return refusal;
  }
  const told = ConnectError.from(error);
  return {
    code: Code[told.code].replace(/(?<=.)[A-Z]/g, '_$&').toLowerCase(), message: told.rawMessage,
    reason: told.findDetails(ErrorInfoSchema)[0]?.reason,
    fields: told.findDetails(BadRequestSchema)[0]?.fieldViolations.map(({ field }) => field).sort(),
  };
}

async function refused(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    return refusalOf(error);
  }
  throw new Error('it was not refused');
}

const payment = (merchantSessionId: string) => ({ merchantSessionId, amount: { minorAmount: 1000n, currency: Currency.EUR }, testMode: true });

async function begin(way: Way): Promise<Key> {
  const merchantSessionId = `web-${crypto.randomUUID()}`;
  return { sessionToken: (await way.create(payment(merchantSessionId))).sessionToken, merchantSessionId, testMode: true };
}

const calls = {
  async unary(way: Way) {
    return SessionStatus[(await way.get(await begin(way))).session!.status];
  },
  async refusals(way: Way) {
    const key = await begin(way);
    return {
      fields: await refused(way.create({ testMode: true })),
      token: await refused(way.get({ ...key, merchantSessionId: 'another' })),
      stream: await refused(way.watch({ ...key, merchantSessionId: 'another' }, () => true)),
    };
  },
  // The session now, then what became of it, then the end.
  async stream(way: Way) {
    const key = await begin(way);
    const seen: string[] = [];
    await way.watch(key, async (status) => {
      if (seen.at(-1) !== status) seen.push(status);
      if (seen.length === 1) await way.advance(key, SessionEvent.COMPLETED);
      return false;
    });
    return seen;
  },
  async left(way: Way) {
    const key = await begin(way);
    await way.watch(key, () => true);
    return SessionStatus[(await way.get(key)).session!.status];
  },
};

Object.assign(window, {
  wayNames: Object.keys(ways),
  call: (name: keyof typeof calls, way: string, url: string) => calls[name](ways[way]!(url)),
});
