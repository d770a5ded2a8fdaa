// CreateSessionToken by grpc-js over TLS, its authority from SSL_CERT_FILE: node grpc_tls.mjs HOST:PORT PROTOSET ID
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_MODULES + "/");
const grpc = require("@grpc/grpc-js");
const { loadFileDescriptorSetFromBuffer } = require("@grpc/proto-loader");

const [address, protoset, id] = process.argv.slice(2);
const definition = loadFileDescriptorSetFromBuffer(readFileSync(protoset), { keepCase: true, longs: String, enums: String });
const { types } = grpc.loadPackageDefinition(definition);
const client = new types.MerchantAuthenticationService(address, grpc.credentials.createSsl(readFileSync(process.env.SSL_CERT_FILE)));
const metadata = new grpc.Metadata();
metadata.set("x-connector", "stripe");
metadata.set("x-connector-config", '{"config":{"Stripe":{"api_key":"sk_test_x"}}}');
const request = {
    merchant_session_id: id,
    amount: { minor_amount: 1000, currency: "USD" },
    browser_info: { accept_header: "text/html", user_agent: "Mozilla/5.0" },
    test_mode: true,
};
client.CreateSessionToken(request, metadata, (error, answer) => {
    if (error) {
        console.error(error.message);
        process.exit(1);
    }
    console.log(answer.session_token);
    process.exit(0);
});
