// CreateSessionToken by grpc-js over TLS, its authority from SSL_CERT_FILE: node grpc_tls.mjs HOST:PORT PROTOSET ID [KEY]
// The key goes as call credentials. Prints the status of the answer and the token, or the name of the call's status.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_MODULES + "/");
const grpc = require("@grpc/grpc-js");
const { loadFileDescriptorSetFromBuffer } = require("@grpc/proto-loader");

const [address, protoset, id, key] = process.argv.slice(2);
const definition = loadFileDescriptorSetFromBuffer(readFileSync(protoset), { keepCase: true, longs: String, enums: String });
const { types } = grpc.loadPackageDefinition(definition);
const bearer = grpc.credentials.createFromMetadataGenerator((_context, done) => {
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${key}`);
    done(null, metadata);
});
const tls = grpc.credentials.createSsl(readFileSync(process.env.SSL_CERT_FILE));
const credentials = key === undefined ? tls : grpc.credentials.combineChannelCredentials(tls, bearer);
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
    if (error) console.error(error.message);
    console.log(error ? grpc.status[error.code] : `${answer.status_code}\n${answer.session_token}`);
    process.exit(0);
});
