/* admission.h - how much of what is asked is taken on: the gate (exchange/gate.h) behind the one that knows who calls.
 *
 * In this order, each of them off where its number is 0; the first refusal is the answer, and what those before it have
 * counted is given back:
 *
 *   connection   calls a second                                    RATE_LIMITED, scope "connection"
 *   source       calls in progress of one client's address, in this worker           TOO_MANY_CONCURRENT, "address"
 *   caller       where callers are known, like a merchant's:       RATE_LIMITED, TOO_MANY_CONCURRENT, "caller"
 *   merchant     calls a second, by all workers together           RATE_LIMITED, "merchant"
 *                calls in progress, in this worker                 TOO_MANY_CONCURRENT, "merchant"
 *   server       calls a second, by all workers together           RATE_LIMITED, "server"
 *   deadline     calls of this kind take longer just now than this one has time      OVERLOADED, "deadline"
 *   overload     creations above their merchant's share of what can be done          OVERLOADED, "merchant"
 *                what was read so late that it has waited too long already            OVERLOADED, "server"
 *
 * All are RESOURCE_EXHAUSTED, with RetryInfo and what the doors make of it. Creations are given up first, and of
 * them those of the merchants that ask for most (max-min fairness, by the measured cost of their calls);
 * continuations (GetSession, AdvanceSession, .., a browser's return) when they would wait absurdly long. What is
 * open to everybody (health, keys) and streams that last are let through, and counted nowhere: they have bounds of
 * their own.
 *
 * A merchant is tenant and merchant as the headers say them. Who may say so is the callers' gate's question: without
 * callers names can be invented, and a rate or share by name holds only those who do not.
 */
#ifndef SESSIOND_ADMISSION_ADMISSION_H
#define SESSIOND_ADMISSION_ADMISSION_H

#include <sessiond/exchange/gate.h>

#include <sessiond/admission/rates.h>

struct ses_admission;

struct ses_admission_limits {
    unsigned connection_rate; /* calls a second; 0: no limit, of all of these */
    unsigned connection_burst;
    unsigned
        source_calls; /* in progress, of one address (IPv6: a /64), also behind a proxy that tells whose call it is */
    unsigned caller_rate;
    unsigned caller_burst;
    unsigned caller_calls; /* in progress */
    unsigned merchant_rate;
    unsigned merchant_burst;
    unsigned merchant_calls; /* in progress */
    unsigned server_rate;
    unsigned server_burst;
    unsigned overload_ms; /* calls that wait for nobody but us take longer: overload */
};

struct ses_admission_options {
    struct ses_admission_limits limits;
    struct ses_rates *rates; /* shared by the workers; outlives this */
    struct ses_metrics *metrics;
    struct ses_log *log;
};

/* [worker] SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_admission_new(const struct ses_admission_options *options,
                                                 struct ses_admission **ret_admission);
/* No exchange may be open that it has let in. Takes NULL. */
void ses_admission_free(struct ses_admission *admission);

struct ses_gate ses_admission_gate(struct ses_admission *admission);

/* [worker] The end of a turn of the loop, at now_ns (monotonic). */
void ses_admission_turn(struct ses_admission *admission, uint64_t now_ns);
/* [worker] How many of the throttled connections (ses_conn_read_as) may be read on in this turn. */
unsigned ses_admission_readable(const struct ses_admission *admission);

#endif
