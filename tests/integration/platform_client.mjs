// A client of the platform's, by grpc-js and its proto files: what comes by stdin is called, what came of it goes to stdout, a line of JSON each.
//     node platform_client.mjs PROTO_DIR,.. ADDRESS..
// In: {id, address (which one), path, request, metadata, timeout_ms}; out: {id, code, message, details (base64), answer, headers}.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_MODULES + "/");
const grpc = require("@grpc/grpc-js");
const { loadSync } = require("@grpc/proto-loader");

const [folders, ...addresses] = process.argv.slice(2);
const files = ["payment_services.proto", "payment_types/merchant_authentication.proto", "sessiond/v1/session.proto"];
const definition = loadSync(files, { includeDirs: folders.split(","), keepCase: true, longs: String, enums: String });
const root = grpc.loadPackageDefinition(definition);
const options = { "grpc.initial_reconnect_backoff_ms": 50, "grpc.max_reconnect_backoff_ms": 200 };
const stubs = new Map();

function stub(name, address) {
    const key = `${name} ${address}`;
    if (!stubs.has(key)) {
        const Service = name.split(".").reduce((at, part) => at[part], root);
        stubs.set(key, new Service(address, grpc.credentials.createInsecure(), options));
    }
    return stubs.get(key);
}

const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");

createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, address, path, request, metadata, timeout_ms: timeoutMs } = JSON.parse(line);
    const [, service, method] = path.split("/");
    const headers = new grpc.Metadata({ waitForReady: true });
    for (const [name, value] of metadata) headers.set(name, value);
    let came = {};
    const done = (error, answer) => tell({
        id,
        code: grpc.status[error?.code ?? 0],
        message: error?.details ?? "",
        details: error?.metadata?.get("grpc-status-details-bin")[0]?.toString("base64") ?? "",
        answer,
        headers: came,
    });
    const call = stub(service, addresses[address])[method](request, headers, { deadline: Date.now() + timeoutMs }, done);
    call.on("metadata", (given) => { came = given.getMap(); });
}).on("close", () => process.exit(0));
