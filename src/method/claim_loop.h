/* claim_loop.h - changing one stored thing: look, decide, claim, write, tell; again when somebody was faster.
 * The one loop under CreateSessionToken, every writing method of SessionService, the browser's return and
 * the inbox.
 *
 *   start --> attempt: load --+--> claimed by somebody: wait 2..20 ms --> attempt
 *                             |
 *                             +--> decide --+--> DONE: the call is answered or goes on without a claim
 *                                           |
 *                                           +--> CLAIM: claim_ref, or claim_new of an absent entry
 *                                                  |
 *                                                  +--> lost: attempt (4 at once, then wait)
 *                                                  |
 *                                                  +--> ours: claimed --> put --> committed
 *
 * The claim is a compare-and-set on the very record that decide saw, so what was decided is what is written;
 * two changes without expected_version that meet are decided one after the other, each on the other's result:
 * disjoint fields merge. decide must not keep anything from a former attempt.
 *
 * A cancelled exchange gives up while it waits; once the record is with the store it is committed, and the
 * answer dropped. What a user does in between (claimed, but no put yet) is the user's to give up: cancelled.
 */
#ifndef SESSIOND_SRC_METHOD_CLAIM_LOOP_H
#define SESSIOND_SRC_METHOD_CLAIM_LOOP_H

#include "service_core.h"
#include "session_access.h"

enum ses_claim_verdict {
    SES_CLAIM_DONE, /* nothing is to be claimed: the call may be over, and the loop gone */
    SES_CLAIM_WANTED
};

struct ses_claim_loop;

struct ses_claim_loop_ops {
    /* Fills found from the store: ses_claim_loop_load_session, or of another record format its own. What
     * found points to lives in the service's scratch arena until claimed returns. */
    enum ses_status (*load)(struct ses_claim_loop *loop, uint64_t now_ms);
    /* Called with what load found, if nobody has claimed it. */
    enum ses_claim_verdict (*decide)(struct ses_claim_loop *loop, uint64_t now_ms);
    /* The claim is ours, on what decide saw. Ends in ses_claim_loop_put, now or later. A failure is told by
     * failed; SES_OK: the user goes on by itself, and the loop may be gone. */
    enum ses_status (*claimed)(struct ses_claim_loop *loop, uint64_t now_ms);
    /* On disk. */
    void (*committed)(struct ses_claim_loop *loop);
    /* The store refused, the deadline is near (SES_ABORTED), or the server stops. No claim is held. Answers. */
    void (*failed)(struct ses_claim_loop *loop, const struct ses_error *error);
    /* The exchange was cancelled, and the loop does not wait; NULL: the commit under way goes on. */
    void (*cancelled)(struct ses_claim_loop *loop);
};

struct ses_claim_loop {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_claim_loop_ops *ops;
    struct ses_store_key key;
    ses_store_owner owner; /* of an entry that is made; the caller's, SES_OWNER_NOBODY where none ever is */
    struct ses_access_found found; /* valid in decide and claimed */
    bool waiting;
    bool held; /* our reference on x */
    struct ses_claim claim;
    struct ses_list node; /* in service->waiting */
    struct ses_timer timer;
    uint32_t wait_ms;
};

/* [worker] All of the loop's machinery is set here. owner: of an entry that is made. */
void ses_claim_loop_start(struct ses_claim_loop *loop, struct ses_service *service, struct ses_exchange *x,
                          const struct ses_claim_loop_ops *ops, const struct ses_store_key *key,
                          ses_store_owner owner);
/* [worker] From committed or decide: the same call goes on under another key or with other ops. */
void ses_claim_loop_again(struct ses_claim_loop *loop, const struct ses_claim_loop_ops *ops,
                          const struct ses_store_key *key);
/* [worker] The record to the store, under the claim; then committed or failed. The body is copied. An error
 * is ses_store_put's: the claim is still held, nothing is called. */
SES_MUST_CHECK enum ses_status ses_claim_loop_put(struct ses_claim_loop *loop,
                                                  const struct ses_record *record);
/* [worker] The call outlives this turn by the user's doing: keeps x, and lets cancelled be called. Loop and
 * put do it by themselves; a second time is harmless. */
void ses_claim_loop_hold(struct ses_claim_loop *loop);
/* [worker] The caller has answered: gives the exchange back. The loop may be gone afterwards. */
void ses_claim_loop_finish(struct ses_claim_loop *loop);
/* [worker] The server stops: answers a call that waits. */
void ses_claim_loop_stop(struct ses_claim_loop *loop);

/* The usual load: a session's record. */
enum ses_status ses_claim_loop_load_session(struct ses_claim_loop *loop, uint64_t now_ms);
/* The usual end of claimed: found.session as the record of its new version. SES_NO_MEMORY, and put's. */
SES_MUST_CHECK enum ses_status ses_claim_loop_put_session(struct ses_claim_loop *loop);

#endif
