/* Each call is waited for, and ends once. */
#include "driver_fixture.h"

static void on_end(struct ses_store_op *op, enum ses_status status)
{
    struct call *call = SES_CONTAINER(op, struct call, op);

    call->ends++;
    call->status = status;
}

struct call call_new(void)
{
    return (struct call){.op = {.done = on_end}};
}

enum ses_status call_end(struct rig *rig, struct ses_lmdb *store, struct call *call, enum ses_status status)
{
    if (status != SES_PENDING) {
        rig_wait(rig, store);
        assert_int_equal(call->ends, 0);
        return status;
    }
    rig_wait(rig, store);
    assert_int_equal(call->ends, 1);
    return call->status;
}

enum ses_status look(struct rig *rig, struct ses_lmdb *store, uint64_t number, struct call *call)
{
    struct ses_store_key key = key_of(number);

    *call = call_new();
    return ses_store_get(&store->base, &call->op, &key, &rig->arena);
}

struct ses_store_version version_at(struct rig *rig, struct ses_lmdb *store, uint64_t number)
{
    struct call call;
    enum ses_status status = look(rig, store, number, &call);

    assert_true(status == SES_OK || status == SES_NOT_FOUND);
    return call.op.version;
}

struct ses_record record_at(uint64_t number, enum ses_record_kind kind, const char *body)
{
    struct ses_record record = record_of(body, ses_clock_wall_ms() + HOUR_MS);

    record.key = key_of(number);
    record.kind = kind;
    if (kind > SES_RECORD_INTENT)
        memset(record.session_id, 0, sizeof(record.session_id));
    return record;
}

enum ses_status put_at(struct rig *rig, struct ses_lmdb *store, const struct ses_store_version *expect,
                       const struct ses_record *record, ses_store_owner owner)
{
    struct call call = call_new();

    return call_end(rig, store, &call, ses_store_put(&store->base, &call.op, expect, record, owner));
}

enum ses_status put_over(struct rig *rig, struct ses_lmdb *store, uint64_t number, enum ses_record_kind kind,
                         const char *body, ses_store_owner owner)
{
    struct ses_store_version version = version_at(rig, store, number);
    struct ses_record record = record_at(number, kind, body);

    return put_at(rig, store, &version, &record, owner);
}

enum ses_status lease_over(struct rig *rig, struct ses_lmdb *store, uint64_t number, ses_store_owner owner,
                           struct ses_store_lease *lease)
{
    struct ses_store_version version = version_at(rig, store, number);
    struct ses_record record = record_at(number, SES_RECORD_INTENT, "calling");
    struct call call = call_new();
    enum ses_status status;

    status = call_end(rig, store, &call,
                      ses_store_lease(&store->base, &call.op, &version, &record, owner, 1000, lease));
    assert_int_equal(lease->held, status == SES_OK);
    return status;
}

enum ses_status put_leased(struct rig *rig, struct ses_lmdb *store, struct ses_store_lease *lease,
                           const struct ses_record *record, ses_store_owner owner)
{
    struct call call = call_new();
    enum ses_status status =
        call_end(rig, store, &call, ses_store_put_leased(&store->base, &call.op, lease, record, owner));

    assert_false(lease->held);
    return status;
}

void assert_seen(struct rig *rig, struct ses_lmdb *store, uint64_t number, enum ses_record_kind kind,
                 const char *body, uint32_t revision, bool leased)
{
    struct ses_store_key key = key_of(number);
    struct call call;

    assert_ok(look(rig, store, number, &call));
    assert_true(ses_slice_eq_str(call.op.record.body, body));
    assert_memory_equal(&call.op.record.key, &key, sizeof(key));
    assert_int_equal(call.op.record.kind, kind);
    assert_int_equal(call.op.record.revision, revision);
    assert_int_equal(call.op.leased, leased);
}

void assert_nothing(struct rig *rig, struct ses_lmdb *store, uint64_t number, bool leased)
{
    struct call call;

    assert_int_equal(look(rig, store, number, &call), SES_NOT_FOUND);
    assert_memory_equal(&call.op.version, &SES_VERSION_ABSENT, sizeof(call.op.version));
    assert_int_equal(call.op.leased, leased);
}
