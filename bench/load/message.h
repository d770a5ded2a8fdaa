/* message.h - the requests' bytes and the check of their answers, by hand: a mistake of the server's encoders
 * must not be repeated by its judge.
 *
 * Protocol Buffers wire format (protobuf.dev/programming-guides/encoding): key = field << 3 | type. */
#ifndef SESSIOND_BENCH_MESSAGE_H
#define SESSIOND_BENCH_MESSAGE_H

#include "load.h"

#define LOAD_KEY_LEN(field)    ((unsigned)(field) << 3 | 2u)
#define LOAD_KEY_VARINT(field) ((unsigned)(field) << 3)

#define LOAD_MESSAGE_MAX  3072
#define LOAD_PATH_MAX     (LOAD_HANDLE_MAX + 64)
#define LOAD_LOCATION_MAX 256
#define LOAD_ID_MAX       64

/* What is sent for a step. */
struct load_request {
    bool grpc;          /* else a browser's request */
    const char *method; /* of HTTP */
    char path[LOAD_PATH_MAX];
    uint8_t message[LOAD_MESSAGE_MAX]; /* the body: framed for gRPC, a form for a browser */
    size_t message_len;
};

/* What came back for it. */
struct load_answer {
    int http_status;
    int grpc_status;               /* -1: none */
    struct ses_slice grpc_message; /* as it came, percent-encoded; a stranger's words */
    struct ses_slice body;
    struct ses_slice location;
};

/* The server's words for a person, into room[room_len], NUL-terminated: percent-decoded, cut; what would need
 * an escape in JSON or does not belong into a terminal becomes '?'. */
void load_message_text(struct ses_slice grpc_message, char *room, size_t room_len);

/* The merchant_session_id of a number. Letters: a long run of digits might pass for a card number, which is
 * refused. */
size_t load_spell_id(const struct load_plan *plan, uint64_t number, char ret_id[LOAD_ID_MAX]);

/* Whose session journey's step is about: stored ones are read in turn. */
uint64_t load_session_number(const struct load_plan *plan, const struct load_journey *journey);

/* The request of journey's step. */
void load_request_make(const struct load_plan *plan, const struct load_journey *journey,
                       struct load_request *ret_request);

/* NULL when the answer is the right one for journey's step, and what the next steps need is taken over from
 * it (token, handle, version). Else what is wrong; room is where the text may be made. */
const char *load_answer_check(const struct load_plan *plan, struct load_journey *journey,
                              const struct load_answer *answer, char *room, size_t room_len);

#endif
