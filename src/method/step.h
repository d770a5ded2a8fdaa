/* step.h - the return of a browser: from a step handle and what the browser brought to where it is sent next.
 *
 * Life of a step: BeginStep stores it (single-use id, name, return URL, limit) and gives the handle out; the
 * first return through the handle that brings anything stores what was brought, applies BROWSER_RETURNED and
 * ends the step; any later return through the same handle only repeats the answer. Storing and ending are one
 * commit, so that a worker that dies in between leaves either a step that still waits or a return that is
 * known. The newest steps of a session are remembered after their end (domain/session.h): the shopper is sent
 * on to the URL that BeginStep fixed however the payment went meanwhile.
 *
 *   handle       what is stored                                    outcome
 *   not ours     -                                                 UNKNOWN
 *   ours         no such session, or another one in its place      UNKNOWN
 *   any, brings nothing (or is not a return at all)                as below, but nothing is written:
 *                a step that is open or was ended by an event      AGAIN
 *   ours         the step is open and in time                      FIRST: stored, session moved
 *   ours         its return was stored, same payload               AGAIN: same location, nothing written
 *   ours         its return was stored, another payload            OTHER_PAYLOAD
 *   ours         ended by an event (a webhook was faster)          FIRST: kept as evidence, recorded as a
 *                                                                  late event, the session stays
 *   ours         its time was over                                 EXPIRED: the same
 *   ours         a newer step was begun, or it is forgotten        EXPIRED: nothing written
 *   any          the store refuses, or is too slow                 UNAVAILABLE, try again
 *
 * Nothing about the session goes out but the location, which is told with every outcome where it is known.
 * What is given must be bounded by the door that took it.
 */
#ifndef SESSIOND_SRC_METHOD_STEP_H
#define SESSIOND_SRC_METHOD_STEP_H

#include <sessiond/base/units.h>
#include <sessiond/domain/session.h>
#include <sessiond/exchange/exchange.h>

#include "service_core.h"

/* Limits of what is stored of a return; above them: UNAVAILABLE, nothing is read. Doors refuse before. */
#define SES_RETURN_PARAMETERS_MAX  64
#define SES_RETURN_NAME_BYTES_MAX  256
#define SES_RETURN_QUERY_BYTES_MAX (16 * SES_KIB)
#define SES_RETURN_BYTES_MAX       (64 * SES_KIB) /* all names and values together */

/* What the browser brought. Slices live in the exchange's arena. */
struct ses_step_return {
    struct ses_slice handle;      /* the path behind "/r/" */
    struct ses_slice http_method; /* "GET" or "POST" */
    struct ses_slice query;       /* raw, without '?' */
    /* Decoded; names and values UTF-8 without NUL: the door makes them so. */
    const struct ses_return_parameter *parameters; /* of a POST its form, of a GET its query; as they came */
    size_t parameters_count;
    bool looks_only; /* nothing is to be stored: only where the shopper belongs is asked */
};

enum ses_step_outcome {
    SES_STEP_FIRST,
    SES_STEP_AGAIN,
    SES_STEP_OTHER_PAYLOAD,
    SES_STEP_EXPIRED,
    SES_STEP_UNKNOWN,
    SES_STEP_UNAVAILABLE,
    SES_STEP_OUTCOME_COUNT
};

struct ses_step_answer {
    enum ses_step_outcome outcome;
    struct ses_slice location; /* the merchant's URL; empty: not known. In the exchange's arena */
    bool frame;                /* BeginStep asked for RETURN_MODE_FRAME */
    const char *step_name;     /* for FIRST and AGAIN: the caller's name of the step; else "" */
};

/* Called exactly once unless the exchange is cancelled first; from inside ses_step_return_start or from a
 * later turn of the loop. The door answers x in it. */
typedef void (*ses_step_done_fn)(struct ses_exchange *x, void *arg, const struct ses_step_answer *answer);

/* [worker] Takes a return. Holds x while it waits. what is copied (shallowly: the slices stay in x's arena).
 * A return whose commit is under way is committed even if the browser goes away. */
void ses_step_return_start(struct ses_service *service, struct ses_exchange *x,
                           const struct ses_step_return *what, ses_step_done_fn done, void *arg);

/* [any] What decides "the same return": BLAKE2b-256 over method, parameters (number, names and values in
 * their order) and query. */
void ses_step_return_hash(const struct ses_step_return *what, uint8_t ret_hash[SES_HASH_BYTES]);

#endif
