/* step_return.h - the return of a browser: from a step handle and what the browser brought to the page that
 * sends it on.
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
#ifndef SESSIOND_SRC_METHOD_STEP_RETURN_H
#define SESSIOND_SRC_METHOD_STEP_RETURN_H

#include <sessiond/base/units.h>
#include <sessiond/domain/session.h>
#include <sessiond/exchange/return_page.h>

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
    /* It cannot be taken: nothing is stored, only where the shopper belongs is asked. The page says why, but
     * only to who has a handle that is known: else the handle's own answer counts, so that a refusal says
     * nothing about which handles exist. */
    bool refused;
    enum ses_return_page page;
};

/* [worker] Takes a return and answers x with a page, now or from a later turn of the loop; holds x while it
 * waits. what is copied (shallowly: the slices stay in x's arena). A return whose commit is under way is
 * committed even if the browser goes away. */
void ses_step_return_start(struct ses_service *service, struct ses_exchange *x,
                           const struct ses_step_return *what);

#endif
