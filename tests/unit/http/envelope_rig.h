/* envelope_rig.h - enveloped calls (envelope.h) over HTTP/1.1, on h1_rig.h, as their bytes stand on the wire. */
#ifndef SESSIOND_TESTS_UNIT_HTTP_ENVELOPE_RIG_H
#define SESSIOND_TESTS_UNIT_HTTP_ENVELOPE_RIG_H

#include "h1_text.h"

#define BODY_MAX 1024
#define WEB      "content-type: application/grpc-web+proto\r\n"
#define TEXT     "content-type: application/grpc-web-text\r\n"
#define CONNECT  "content-type: application/connect+json\r\n"
/* A message of three bytes. */
#define ABC "\0\0\0\0\3abc"

/* cmocka's: small limits, and a connection. The clock must stand. */
int envelope_setup(void **state);

/* Lets timers run for ms, and what follows from them. */
void wait_ms(uint64_t ms);

/* POST; headers end in CRLF each. What was written before is forgotten, and what was started. */
void call(const char *path, const char *headers, struct ses_slice body);
void call_as(const char *version, const char *path, const char *headers, struct ses_slice body);

/* Somewhere in what was written. */
void expect_bytes(struct ses_slice bytes);

/* The answer's body, at the end of what was written. */
void expect_body(struct ses_slice body);

/* The connection is as good as new. */
void expect_usable(void);

#endif
