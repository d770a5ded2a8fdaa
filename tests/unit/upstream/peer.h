/* peer.h - a server's half of HTTP/2, by nghttp2: what our client says is recorded, what it is answered the test says, by
 * the rules or byte by byte. */
#ifndef SESSIOND_TESTS_UNIT_UPSTREAM_PEER_H
#define SESSIOND_TESTS_UNIT_UPSTREAM_PEER_H

#include <nghttp2/nghttp2.h>

#include <sessiond/base/buf.h>

#define PEER_REQUESTS_MAX 128
#define PEER_HEADERS_SIZE 20480

struct peer;

struct peer_request {
    struct peer *peer;
    int32_t id;
    char *headers;          /* "name: value\n" each */
    unsigned never_indexed; /* of its fields (RFC 7541 section 6.2.3) */
    struct ses_buf body;
    bool ended;
    bool closed;          /* the stream is gone .. */
    uint32_t code;        /* .. for this */
    struct ses_buf reply; /* what is left to be sent */
    bool trailers;
    uint32_t grpc_status;
};

struct peer {
    nghttp2_session *session;
    struct peer_request requests[PEER_REQUESTS_MAX];
    size_t count;
    struct ses_buf raw; /* said as it is, before what nghttp2 has to say */
    unsigned pings;
    unsigned acknowledged; /* of its own pings */
    bool goaway;
    void (*on_request)(struct peer *peer, struct peer_request *request); /* whole; NULL: nobody */
    void *arg;
};

/* streams_max, window and headers_max: of its SETTINGS, 0: not named. */
void peer_open(struct peer *peer, uint32_t streams_max, uint32_t window, uint32_t headers_max);
void peer_close(struct peer *peer);
/* 0, or nghttp2's error. */
int peer_receive(struct peer *peer, struct ses_slice bytes);
void peer_produce(struct peer *peer, struct ses_buf *out);

/* Headers, one message and a status. */
void peer_answer(struct peer_request *request, uint32_t grpc_status, struct ses_slice message);
/* Trailers only. */
void peer_refuse(struct peer_request *request, uint32_t grpc_status, const char *message);
void peer_reset(struct peer_request *request, uint32_t code);

/* ---- byte by byte */
void peer_say(struct peer *peer, const void *bytes, size_t len);
void peer_say_frame(struct peer *peer, uint8_t type, uint8_t flags, int32_t id, const void *payload,
                    size_t len);
/* "name\0value\0" pairs, literal, never Huffman; ends with an empty name. */
void peer_say_headers(struct peer *peer, uint8_t flags, int32_t id, const char *pairs);
void peer_say_goaway(struct peer *peer, int32_t last_id, uint32_t code);
void peer_say_reset(struct peer *peer, int32_t id, uint32_t code);

#endif
