// connect-node's transports, one after another, through what each of them can: node connect_clients.mjs URL PROTOSET SESSIONS
// SESSIONS: JSON, a list of [merchant_session_id, token], of which each transport uses one up. Prints one JSON object a transport.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const from = (name) => import(pathToFileURL(`${process.env.NODE_MODULES}/${name}/dist/esm/index.js`));
const wkt = await import(pathToFileURL(`${process.env.NODE_MODULES}/@bufbuild/protobuf/dist/esm/wkt/index.js`));
const { createFileRegistry, fromBinary } = await from("@bufbuild/protobuf");
const { Code, ConnectError, createClient } = await from("@connectrpc/connect");
const transports = await from("@connectrpc/connect-node");
const { compressionGzip } = transports;

const [baseUrl, protoset, given] = process.argv.slice(2);
const sessions = JSON.parse(given);
const registry = createFileRegistry(fromBinary(wkt.FileDescriptorSetSchema, readFileSync(protoset)));
const service = (name) => registry.getService(name);

async function failure(promise) {
    try {
        await promise;
        return null;
    } catch (error) {
        const { code, rawMessage } = ConnectError.from(error);
        const info = ConnectError.from(error).findDetails(registry.getMessage("google.rpc.ErrorInfo"))[0];
        return { code: Code[code], message: rawMessage, reason: info?.reason ?? null };
    }
}

async function collect(stream) {
    const all = [];
    for await (const message of stream) all.push(message);
    return all;
}

// Each answer is awaited before the next question is asked where that is possible: over HTTP/2.
async function converse(client, duplex) {
    let answered;
    const questions = (async function* () {
        yield { messageRequest: { case: "listServices", value: "" } };
        if (duplex) await new Promise((resolve) => (answered = resolve));
        yield { messageRequest: { case: "fileContainingSymbol", value: "types.Money" } };
        yield { messageRequest: { case: "fileByFilename", value: "nothing.proto" } };
    })();
    const cases = [];
    for await (const { messageResponse } of client.serverReflectionInfo(questions)) {
        cases.push(messageResponse.case);
        answered?.();
    }
    return cases;
}

async function watch(client, token, merchantSessionId) {
    const states = [];
    for await (const { session } of client.watchSession({ sessionToken: token, merchantSessionId, testMode: true })) {
        states.push(session.status);
        if (states.length === 1) await client.revokeSession({ sessionToken: token, merchantSessionId, testMode: true });
    }
    return states;
}

async function abandon(client) {
    const gone = new AbortController();
    return failure((async () => {
        for await (const _ of client.watch({}, { signal: gone.signal, headers: { "x-request-id": "abandoned" } })) gone.abort();
    })());
}

async function run(name, options) {
    const transport = transports[name]({ baseUrl, ...options });
    const [id, token] = sessions.pop();
    const health = createClient(service("grpc.health.v1.Health"), transport);
    const payments = createClient(service("sessiond.v1.SessionService"), transport);
    const reflection = createClient(service("grpc.reflection.v1.ServerReflection"), transport);
    const headers = {};
    const seen = await health.check({}, { onHeader: (h) => (headers.id = h.get("x-request-id")), headers: { "x-request-id": "mine" } });
    const watched = [];
    const deadline = await failure((async () => {
        for await (const { status } of health.watch({}, { timeoutMs: 500 })) watched.push(status);
    })());
    return {
        name, options: { ...options, acceptCompression: undefined, sendCompression: options.sendCompression?.name },
        check: seen.status, id: headers.id, watched, deadline,
        refused: await failure(payments.getSession({ sessionToken: "v4.public.none", merchantSessionId: id })),
        refused_stream: await failure(collect(payments.watchSession({ sessionToken: "v4.public.none", merchantSessionId: id }))),
        states: await watch(payments, token, id),
        conversation: await converse(reflection, options.httpVersion === "2"),
        abandoned: await abandon(health),
    };
}

for (const httpVersion of ["1.1", "2"]) {
    for (const useBinaryFormat of [true, false]) {
        for (const sendCompression of [undefined, compressionGzip]) {
            const options = { httpVersion, useBinaryFormat, sendCompression, compressMinBytes: sendCompression && 1,
                              acceptCompression: sendCompression ? [compressionGzip] : [] };
            console.log(JSON.stringify(await run("createConnectTransport", options)));
            console.log(JSON.stringify(await run("createGrpcWebTransport", options)));
            if (httpVersion === "2") console.log(JSON.stringify(await run("createGrpcTransport", options)));
        }
    }
}
process.exit(0); // connections are kept alive
