/* session_change.h - changing one stored thing: read, decide, claim, write, tell; again when somebody was
 * faster. The one loop under every writing method of SessionService, the browser's return and the inbox.
 *
 *   start --> attempt: load --+--> claimed by somebody: wait 2..20 ms --> attempt
 *                             |
 *                             +--> decide --+--> DONE: the call was answered, nothing is written
 *                                           |
 *                                           +--> WRITE: claim_ref or claim_new
 *                                                  |
 *                                                  +--> lost: attempt (4 at once, then wait)
 *                                                  |
 *                                                  +--> ours: write --> put --> committed
 *
 * The claim is a compare-and-set on the very record that decide saw, so what was decided is what is written;
 * two changes without expected_version that meet are decided one after the other, each on the other's result:
 * disjoint fields merge. decide must not keep anything from a former attempt.
 *
 * A cancelled exchange gives up while it waits; once the record is with the store it is committed, and the
 * answer dropped.
 */
#ifndef SESSIOND_SRC_METHOD_SESSION_CHANGE_H
#define SESSIOND_SRC_METHOD_SESSION_CHANGE_H

#include "service_core.h"
#include "session_access.h"

enum ses_change_verdict {
    SES_CHANGE_DONE, /* answered: the change is over and may be gone */
    SES_CHANGE_WRITE
};

struct ses_change;

struct ses_change_ops {
    /* Called with what lies under the key, decoded as the ops want. Slices live in the service's scratch
     * arena until this or write returns. */
    enum ses_change_verdict (*decide)(struct ses_change *change, uint64_t now_ms);
    /* The claim is ours: kind, session_id, expires_ms and body of the record (in the scratch arena), and the
     * answer (in the exchange's). A failure is told by failed. */
    enum ses_status (*write)(struct ses_change *change, struct ses_record *ret_record);
    /* On disk. */
    void (*committed)(struct ses_change *change);
    /* The store refused, or the deadline is near (SES_ABORTED). Answers. */
    void (*failed)(struct ses_change *change, const struct ses_error *error);
    /* Fills found from the store: ses_access_load, or of another record format its own. */
    enum ses_status (*load)(struct ses_change *change, uint64_t now_ms);
};

enum ses_change_phase { SES_CHANGE_IDLE, SES_CHANGE_WAITING, SES_CHANGE_COMMITTING };

struct ses_change {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_change_ops *ops;
    struct ses_store_key key;
    ses_store_owner owner; /* of an entry that is made; the caller's, SES_OWNER_NOBODY where none ever is */
    struct ses_access_found found; /* valid in decide and write */
    enum ses_change_phase phase;
    bool held; /* our reference on x */
    struct ses_claim claim;
    struct ses_list node; /* in service->changes */
    struct ses_timer timer;
    uint32_t wait_ms;
};

/* [worker] All of change's machinery is set here; service, x, ops and key are the caller's. */
void ses_change_start(struct ses_change *change, struct ses_service *service, struct ses_exchange *x,
                      const struct ses_change_ops *ops, const struct ses_store_key *key);
/* [worker] From committed or decide: the same change goes on under another key or with other ops. */
void ses_change_again(struct ses_change *change, const struct ses_change_ops *ops,
                      const struct ses_store_key *key);
/* [worker] The caller has answered: gives the exchange back. change may be gone afterwards. */
void ses_change_finish(struct ses_change *change);
/* [worker] The server stops. */
void ses_change_stop_waiting(struct ses_change *change);

/* The usual load: a session's record. */
enum ses_status ses_change_load_session(struct ses_change *change, uint64_t now_ms);
/* found.session as the record of its new version. SES_NO_MEMORY, SES_TOO_LARGE. */
SES_MUST_CHECK enum ses_status ses_change_encode_session(struct ses_change *change,
                                                         struct ses_record *ret_record);

#endif
