/* connector_stub.h - a connector that honours idempotency keys, in the place of the driver: it answers late and in
 * any order, declines, breaks, is not reached, or acts and lets nobody know; and it keeps a ledger.
 *
 * What is held of each order (merchant_session_id), and ends the test when it does not hold:
 *   while the outcome of a call is not known, or its session may live, no call comes under another key, nor another
 *   one under its key
 */
#ifndef SESSIOND_TESTS_MODEL_CONNECTOR_STUB_H
#define SESSIOND_TESTS_MODEL_CONNECTOR_STUB_H

#include <sessiond/base/list.h>
#include <sessiond/connector/driver.h>

#define CONNECTOR_ORDERS_MAX 8192

/* What it knows of one order. */
struct connector_order {
    char id[40];
    char key[72];     /* of the last call that may have acted */
    uint64_t body;    /* what it asked for: a hash */
    uint64_t last_ms; /* and when */
    bool may_have;    /* under that key; else its own word says that nothing was done */
    unsigned effects; /* payments made, ever */
    unsigned calls;
};

struct connector_stub {
    struct ses_list asked;
    uint64_t random;
    bool held; /* nothing is answered but by its deadline */
    struct connector_order orders[CONNECTOR_ORDERS_MAX];
    unsigned orders_count;
    unsigned places; /* taken for calls that are not made yet */
    unsigned calls;
    unsigned effects;
    unsigned repeats; /* calls under a key that had acted */
};

/* One at a time: calls of every driver of the program come to it. */
void connector_stub_open(struct connector_stub *stub, uint64_t seed);
void connector_stub_close(struct connector_stub *stub);
void connector_stub_turn(struct connector_stub *stub);
unsigned connector_stub_asked(const struct connector_stub *stub);
/* NULL: never asked for it. */
const struct connector_order *connector_stub_order(const struct connector_stub *stub, const char *id);

#endif
