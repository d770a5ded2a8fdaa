// A server by grpc-js for rank upstream's calls (test_upstream_calls.py): bytes in, bytes out. node upstream_server.mjs
// Prints its port. Echo answers with the request, Large with as many bytes as the request says, Size with how many
// the request has, Refuse with a status.
import { createRequire } from "node:module";

const require = createRequire(process.env.NODE_MODULES + "/");
const grpc = require("@grpc/grpc-js");

const bytes = (value) => value;
const method = (name) => ({
    path: `/test.Service/${name}`, requestStream: false, responseStream: false,
    requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
});
const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
server.addService({ echo: method("Echo"), large: method("Large"), size: method("Size"), refuse: method("Refuse") }, {
    echo: (call, done) => done(null, call.request),
    large: (call, done) => done(null, Buffer.alloc(Number(call.request.toString()), "x")),
    size: (call, done) => done(null, Buffer.from(String(call.request.length))),
    refuse: (_call, done) => done({ code: grpc.status.INVALID_ARGUMENT, details: "betrag \u00fc" }),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(port);
});
