/* paced.h - a stream of messages, each after a pause of its own. */
#ifndef SESSIOND_TESTS_CONFORMANCE_RPC_SERVER_PACED_H
#define SESSIOND_TESTS_CONFORMANCE_RPC_SERVER_PACED_H

#include <sessiond/exchange/exchange.h>

struct paced;

struct paced_ops {
    /* How long to wait before the i-th message. */
    uint64_t (*pause_ms)(const struct paced *paced, size_t i);
    /* Sends it. false: there is none, and nothing was done. */
    bool (*send)(struct paced *paced, size_t i);
    /* Ends the exchange. */
    void (*end)(struct paced *paced);
};

/* In the exchange's arena, first in what a method keeps. */
struct paced {
    struct ses_exchange *x;
    const struct paced_ops *ops;
    struct ses_timer timer;
    size_t next;
};

void paced_begin(struct paced *paced, struct ses_exchange *x, const struct paced_ops *ops);

#endif
