/* gate.h - who is let through to a method: asked once for each request, when its head is here and before a byte
 * of its body is taken.
 *
 * A door asks its gates in their order, the first refusal is the answer. Whoever answers for who calls stands
 * before whoever answers for how much.
 */
#ifndef SESSIOND_EXCHANGE_GATE_H
#define SESSIOND_EXCHANGE_GATE_H

#include <sessiond/exchange/exchange.h>
#include <sessiond/net/conn.h>

struct ses_gate {
    /* x has route, path, headers, door, peer and deadline; conn is where it came from. Not SES_OK: ret_error is
     * the caller's answer, whose texts are literals or in x's arena; reply headers may have been set. */
    enum ses_status (*admit)(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                             struct ses_error *ret_error);
    void *arg;
};

#define SES_GATES_MAX 4u

/* [door] All gates in their order. true: go on; false: x has been answered. */
bool ses_gates_pass(const struct ses_gate *gates, size_t count, struct ses_exchange *x,
                    struct ses_conn *conn);

#endif
