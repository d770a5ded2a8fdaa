/* upstream_rig.h - an upstream and a server of the test's on one loop. */
#ifndef SESSIOND_TESTS_UNIT_UPSTREAM_UPSTREAM_RIG_H
#define SESSIOND_TESTS_UNIT_UPSTREAM_UPSTREAM_RIG_H

#include "unit.h"

#include <sessiond/base/clock.h>
#include <sessiond/upstream/upstream.h>

#include "server.h"
#include "unit_clock.h"

#define CALLS_MAX 40

struct told {
    unsigned times;
    enum ses_upstream_outcome outcome;
    uint32_t grpc_status;
    char why[SES_UPSTREAM_WHY_SIZE];
    char text[64]; /* grpc-message */
    uint8_t message[64];
    size_t message_len;
};

struct rig {
    uv_loop_t loop;
    struct ses_timers *timers;
    struct server server;
    struct ses_upstream_options options;
    struct ses_upstream *upstream;
    struct ses_metrics *metrics;
    struct told told[CALLS_MAX];
};

int rig_setup(void **state);
int rig_teardown(void **state);
/* By rig->options, which a test may change before. */
void open_upstream(struct rig *rig);
void turn(struct rig *rig);
#define RUN_UNTIL(rig, condition) WAIT_DOING(turn(rig), condition)
/* What this peer has said until now has been heard. */
void hear_out(struct rig *rig, unsigned connection);
void on_told(void *arg, const struct ses_upstream_answer *answer);
void start_within(struct rig *rig, unsigned call, bool effect, uint64_t within_ms);
void start(struct rig *rig, unsigned call, bool effect);

/* ---- what the server does with a request (server.on_request) */
extern const char *last_headers; /* that were answered with pong */
extern struct peer_request *kept[CALLS_MAX];
extern unsigned kept_count;

void answer_pong(struct peer *peer, struct peer_request *request);
void keep_waiting(struct peer *peer, struct peer_request *request);
void refuse_stream(struct peer *peer, struct peer_request *request);
void refuse_once(struct peer *peer, struct peer_request *request);
void reset_stream(struct peer *peer, struct peer_request *request);

#endif
