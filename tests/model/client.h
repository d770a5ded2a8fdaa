/* client.h - what stands outside the service: clients that call, get lost, come again, and keep what they were told. */
#ifndef SESSIOND_TESTS_MODEL_CLIENT_H
#define SESSIOND_TESTS_MODEL_CLIENT_H

#include "model.h"
#include "world.h"

#define TOKENS_MAX  256
#define HANDLES_MAX 128
#define ASKED_MAX   128
#define ROUND_MAX   28 /* calls of one subject in one round: the judge has a bit for each */
#define FLIGHTS_MAX 24

struct client_token {
    char *text;
    uint64_t session;
    uint64_t ends_ms;
    uint32_t generation;
};

struct client_handle {
    char *path;
    uint64_t session;
    uint16_t step;
};

/* One merchant_session_id: what is known of it outside, and what the judge holds possible. */
struct subject {
    char id[40];
    bool connector;
    struct client_token tokens[TOKENS_MAX]; /* in the order in which they were told; place 0 is none */
    unsigned tokens_count;
    unsigned newest; /* the token that was told last */
    struct client_handle handles[HANDLES_MAX];
    unsigned handles_count;
    struct model_request asked[ASKED_MAX]; /* the newest */
    unsigned asked_count;
    struct model_request again; /* whose outcome nobody knows */
    bool again_set;
    uint16_t ids;     /* given to events, texts and customers */
    uint64_t version; /* seen last */
    uint32_t amount;
    uint16_t text;
    unsigned calls;
    struct model_call round[ROUND_MAX];
    unsigned round_count;
    struct model_state *states;
    size_t states_count;
};

/* One call on its way. */
struct flight {
    struct world *world;
    struct subject *subject; /* NULL: free */
    struct ses_exchange *x;
    struct core *core;
    struct model_call *call; /* NULL: a stream, which makes one of each answer */
    struct model_call watch; /* of a stream: what the next look is */
    bool over;
};

struct subject *subject_new(struct world *world, bool connector);
void subject_free(struct subject *subject);
/* Starts it. A subject whose round is full takes none. */
void client_call(struct world *world, struct flight *flight, struct subject *subject,
                 const struct model_request *request, unsigned machine);
/* The client is gone; whatever was under way may go on. */
void client_leave(struct flight *flight, enum ses_status why);
/* Frees what is over. True: it was. */
bool client_sweep(struct flight *flight);

/* client_message.c: the exchange's path, headers and body. */
void client_fill(struct ses_exchange *x, const struct subject *subject, const struct model_request *request);
const char *client_path(uint8_t method);

/* client_answer.c: what an answer tells. */
void client_read(struct flight *flight, struct ses_slice message, struct model_told *ret_told);
void client_read_error(const struct ses_error *error, struct model_told *ret_told);

#endif
