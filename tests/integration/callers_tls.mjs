// CreateSessionToken by grpc-js over TLS with call credentials: node callers_tls.mjs HOST:PORT PROTOSET CA KEY ID
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_MODULES + "/");
const grpc = require("@grpc/grpc-js");
const { loadFileDescriptorSetFromBuffer } = require("@grpc/proto-loader");

const [address, protoset, ca, key, id] = process.argv.slice(2);
const definition = loadFileDescriptorSetFromBuffer(readFileSync(protoset), { keepCase: true, longs: String, enums: String });
const { types } = grpc.loadPackageDefinition(definition);
const bearer = grpc.credentials.createFromMetadataGenerator((_context, done) => {
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${key}`);
    done(null, metadata);
});
const credentials = grpc.credentials.combineChannelCredentials(grpc.credentials.createSsl(readFileSync(ca)), bearer);
const client = new types.MerchantAuthenticationService(address, credentials);
const metadata = new grpc.Metadata();
metadata.set("x-connector", "adyen");
metadata.set("x-connector-config", '{"config":{"Adyen":{"api_key":"k","merchant_account":"m"}}}');
const request = {
    merchant_session_id: id,
    amount: { minor_amount: 1000, currency: "USD" },
    browser_info: { accept_header: "text/html", user_agent: "Mozilla/5.0" },
    test_mode: true,
};
client.CreateSessionToken(request, metadata, (error, answer) => {
    console.log(error ? grpc.status[error.code] : answer.status_code);
    process.exit(0);
});
