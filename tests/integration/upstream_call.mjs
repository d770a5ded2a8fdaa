// CreateServerSessionAuthenticationToken by grpc-js and the proto files, as the platform's own clients make it: without
// merchant_server_session_id. node upstream_call.mjs HOST:PORT PROTO_DIR CURRENCY HEADERS (JSON)
// Prints the answer and the metadata that came with it, as JSON.
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_MODULES + "/");
const grpc = require("@grpc/grpc-js");
const { loadSync } = require("@grpc/proto-loader");

const [address, protos, currency, headers] = process.argv.slice(2);
const definition = loadSync("payment_types/merchant_authentication.proto", { includeDirs: [protos], longs: String, enums: String });
const { types } = grpc.loadPackageDefinition(definition);
const client = new types.MerchantAuthenticationService(address, grpc.credentials.createInsecure());
const metadata = new grpc.Metadata();
for (const [name, value] of Object.entries(JSON.parse(headers))) metadata.set(name, value);

let told;
const call = client.createServerSessionAuthenticationToken(
    { payment: { amount: { minorAmount: 1000, currency } }, testMode: true },
    metadata,
    (error, answer) => {
        if (error) {
            console.error(`${grpc.status[error.code]}: ${error.details}`);
            process.exit(1);
        }
        console.log(JSON.stringify({ ...answer, metadata: told }));
        client.close();
    },
);
call.on("metadata", (given) => { told = given.getMap(); });
