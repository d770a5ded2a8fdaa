/* Writing by the contract. A claim is taken, used and passed on within one call, so that nothing is left to
 * anybody who forgets it; only a lease's outlives its call, in the caller's struct.
 *
 * What the inside calls busy are two things to a caller: a key that somebody has (SES_BUSY: come again soon),
 * and a queue that is full (SES_RESOURCE_EXHAUSTED: there is too much of everything).
 */
#include "driver_put.h"

#include "old_inbox.h"
#include "store_lmdb_impl.h"
#include "version.h"

/* ---- statuses ---- */

/* Of a claim: whoever finds another record than it expected reads again. */
static enum ses_status status_of_claim(enum ses_status status)
{
    return status == SES_ALREADY_EXISTS ? SES_CONFLICT : status;
}

/* Of a put that was not accepted. */
static enum ses_status status_of_refusal(enum ses_status status)
{
    return status == SES_BUSY ? SES_RESOURCE_EXHAUSTED : status;
}

/* ---- claims ---- */

static enum ses_status claim_absent(struct ses_lmdb *store, const struct ses_store_version *expect,
                                    const struct ses_store_key *key, ses_store_owner owner,
                                    struct ses_claim *ret_claim)
{
    if (expect->driver[VERSION_OLD_INBOX] == 0)
        SES_TRY(ses_old_inbox_check(store, key));
    return status_of_claim(ses_claim_new(store, key, owner, ret_claim));
}

static enum ses_status claim_present(struct ses_lmdb *store, const struct ses_store_version *expect,
                                     const struct ses_store_key *key, ses_store_owner owner,
                                     struct ses_claim *ret_claim)
{
    struct ses_lmdb_ref ref = {
        .driver = {[REF_SLOT] = expect->driver[VERSION_SLOT], [REF_WORD] = expect->driver[VERSION_WORD]}};
    enum ses_status status = SES_OK;

    SES_TRY(ses_claim_ref(store, key, &ref, (uint32_t)expect->driver[VERSION_REVISION], ret_claim));
    if (owner != SES_OWNER_NOBODY)
        status = ses_claim_for_owner(store, ret_claim, owner);
    if (status != SES_OK)
        ses_claim_release(store, ret_claim);
    return status;
}

static enum ses_status claim(struct ses_lmdb *store, const struct ses_store_version *expect,
                             const struct ses_store_key *key, ses_store_owner owner,
                             struct ses_claim *ret_claim)
{
    return version_is_absent(expect) ? claim_absent(store, expect, key, owner, ret_claim)
                                     : claim_present(store, expect, key, owner, ret_claim);
}

static void pack(const struct ses_claim *claim, struct ses_store_lease *lease)
{
    lease->key = claim->key;
    memcpy(&lease->driver[LEASE_CLAIM], claim->driver, sizeof(claim->driver));
    lease->driver[LEASE_NEXT] =
        claim->revision | (uint64_t)claim->owner << 32 | (uint64_t)claim->intent_owner << 48;
}

static struct ses_claim unpack(const struct ses_store_lease *lease)
{
    uint64_t next = lease->driver[LEASE_NEXT];
    struct ses_claim claim = {.key = lease->key,
                              .revision = (uint32_t)next,
                              .owner = (ses_store_owner)(next >> 32),
                              .intent_owner = (ses_store_owner)(next >> 48),
                              .held = true};

    memcpy(claim.driver, &lease->driver[LEASE_CLAIM], sizeof(claim.driver));
    return claim;
}

/* ---- a put ---- */

static void on_put(void *arg, enum ses_status status, const struct ses_lmdb_written *written)
{
    struct ses_store_op *op = arg;

    if (status == SES_OK)
        op->written = version_make(&written->ref, written->revision);
    op->done(op, status);
}

enum ses_status ses_lmdb_driver_put(struct ses_store *base, struct ses_store_op *op,
                                    const struct ses_store_version *expect, const struct ses_record *record,
                                    ses_store_owner owner)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    struct ses_claim taken;
    enum ses_status status;

    SES_TRY(claim(store, expect, &record->key, owner, &taken));
    status = ses_claim_put(store, &taken, record, on_put, op);
    if (status == SES_OK)
        return SES_PENDING;
    ses_claim_release(store, &taken);
    return status_of_refusal(status);
}

/* ---- a lease ---- */

/* Nothing was asked of anybody yet, so whatever became of the intent the key is given back: where it is on
 * disk a later start may see it once more. */
static void on_lease(void *arg, enum ses_status status, const struct ses_lmdb_written *written)
{
    struct ses_store_op *op = arg;
    struct ses_store_lease *lease = (struct ses_store_lease *)(uintptr_t)op->driver[OP_LEASE];
    struct ses_lmdb *store = (struct ses_lmdb *)(uintptr_t)op->driver[OP_STORE];
    struct ses_claim taken = unpack(lease);

    (void)written;
    lease->held = status == SES_OK;
    if (!lease->held)
        ses_claim_release(store, &taken);
    op->done(op, status);
}

static enum ses_status begin_lease(struct ses_lmdb *store, struct ses_store_op *op,
                                   const struct ses_claim *taken, struct ses_store_lease *lease)
{
    pack(taken, lease);
    op->driver[OP_LEASE] = (uintptr_t)lease;
    op->driver[OP_STORE] = (uintptr_t)store;
    return SES_PENDING;
}

static enum ses_status give_up(struct ses_lmdb *store, struct ses_claim *taken, enum ses_status status)
{
    ses_claim_release(store, taken);
    return status_of_refusal(status);
}

/* for_ms is not looked at: a claim lasts as long as its process, and whoever settles for a dead one publishes
 * the intent. */
enum ses_status ses_lmdb_driver_lease(struct ses_store *base, struct ses_store_op *op,
                                      const struct ses_store_version *expect, const struct ses_record *record,
                                      ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    struct ses_claim taken;
    enum ses_status status;

    (void)for_ms;
    SES_TRY(claim(store, expect, &record->key, owner, &taken));
    status = ses_claim_put_intent(store, &taken, record, on_lease, op);
    return status == SES_OK ? begin_lease(store, op, &taken, lease) : give_up(store, &taken, status);
}

/* The claim alone: it dies with its process, and whoever settles for a dead one gives it back. The smallest record's
 * room is looked at; the queue too, which is where the record goes next. */
enum ses_status ses_lmdb_driver_reserve(struct ses_store *base, struct ses_store_op *op,
                                        const struct ses_store_version *expect,
                                        const struct ses_store_key *key, ses_store_owner owner,
                                        uint64_t for_ms, struct ses_store_lease *lease)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    struct ses_claim taken;
    enum ses_status status;

    (void)op; /* it ends inside the call */
    (void)for_ms;
    SES_TRY(claim(store, expect, key, owner, &taken));
    status = ses_lmdb_check_room(store, &taken, RECORD_EXTRA_BYTES);
    if (status != SES_OK)
        return give_up(store, &taken, status);
    pack(&taken, lease);
    lease->held = true;
    return SES_OK;
}

enum ses_status ses_lmdb_lease_reserved(struct ses_store *base, struct ses_store_op *op,
                                        struct ses_store_lease *lease, const struct ses_record *record)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    struct ses_claim taken = unpack(lease);
    enum ses_status status;

    SES_REQUIRE(lease->held && record->kind == SES_RECORD_INTENT);
    lease->held = false;
    status = record->body.len > SES_STORE_BODY_MAX
                 ? SES_TOO_LARGE
                 : ses_claim_put_intent(store, &taken, record, on_lease, op);
    return status == SES_OK ? begin_lease(store, op, &taken, lease) : give_up(store, &taken, status);
}

static void on_put_leased(void *arg, enum ses_status status, const struct ses_lmdb_written *written)
{
    struct ses_store_op *op = arg;

    (void)written;
    op->done(op, status);
}

/* An end that is refused, now or later (ses_commit_give_back),
 * leaves the intent, if there is one: the connector was asked. */
enum ses_status ses_lmdb_driver_put_leased(struct ses_store *base, struct ses_store_op *op,
                                           struct ses_store_lease *lease, const struct ses_record *record,
                                           ses_store_owner owner)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    struct ses_claim taken = unpack(lease);
    enum ses_status status = SES_OK;

    if (owner != SES_OWNER_NOBODY)
        status = ses_claim_for_owner(store, &taken, owner);
    if (status == SES_OK)
        status = ses_claim_put(store, &taken, record, on_put_leased, op);
    lease->held = false;
    if (status == SES_OK)
        return SES_PENDING;
    ses_claim_release_to_intent(store, &taken);
    return status_of_refusal(status);
}

void ses_lmdb_driver_release(struct ses_store *base, struct ses_store_lease *lease, enum ses_lease_end end)
{
    struct ses_lmdb *store = ses_lmdb_of(base);
    struct ses_claim taken = unpack(lease);

    if (end == SES_LEASE_FORGET_INTENT)
        ses_claim_release(store, &taken);
    else
        ses_claim_release_to_intent(store, &taken);
}
