#include "budget.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/hash.h>
#include <sessiond/base/random.h>
#include <sessiond/config/usual.h>
#include <sessiond/store/store_shared.h>

#include "record.h"
#include "store_lmdb_impl.h"

#define BATCH   64u
#define HOUR_MS UINT64_C(3600000)

struct rig {
    struct ses_store_shared *shared;
    struct ses_secret secret;
    struct ses_seal_key seal_key;
    struct ses_store *store;
    int wake_fd;
};

/* As long as that of an ordinary session. */
static const uint8_t body[200] = {1};

static void notify(void *arg)
{
    const uint64_t one = 1;

    SES_REQUIRE(write(((struct rig *)arg)->wake_fd, &one, sizeof(one)) == sizeof(one));
}

static void open_rig(struct rig *rig, const char *dir)
{
    *rig = (struct rig){.wake_fd = eventfd(0, EFD_CLOEXEC)};
    SES_REQUIRE(rig->wake_fd >= 0);
    BUDGET_OK(ses_store_shared_create(20000, 0, &rig->shared));
    BUDGET_OK(ses_secret_new(32, &rig->secret));
    rig->seal_key = (struct ses_seal_key){.id = 1, .key = &rig->secret};
    struct ses_lmdb_options options = ses_usual_store();

    options.dir = dir;
    options.shared = rig->shared;
    options.seal_keys = &rig->seal_key;
    options.seal_keys_count = 1;
    options.scrub_per_second = SES_USUAL_store_scrub_per_second;
    options.map_bytes = UINT64_C(1) << 28; /* valgrind has no room for 1 TiB */
    options.notify = notify;
    options.notify_arg = rig;
    BUDGET_OK(ses_lmdb_open(&options, &rig->store));
}

static void close_rig(struct rig *rig)
{
    ses_store_close(rig->store);
    ses_store_shared_close(rig->shared);
    ses_secret_free(&rig->secret);
    (void)close(rig->wake_fd);
}

static struct ses_store_key key_of(uint64_t number)
{
    struct ses_store_key key = {{0}}; /* for the analyser: all of it is written */

    ses_hash(SES_SLICE_EMPTY, ses_slice(&number, sizeof(number)), key.bytes);
    return key;
}

static struct ses_record record_now(void)
{
    return (struct ses_record){.session_id = "0123456789abcde",
                               .kind = SES_RECORD_SESSION,
                               .revision = 1,
                               .expires_ms = ses_clock_wall_ms() + HOUR_MS,
                               .body = ses_slice(body, sizeof(body))};
}

/* The hash of a natural key's length, the claim that every put begins with, and its end. */
void budget_claim(const char *dir, unsigned operations)
{
    struct ses_lmdb *store;
    struct rig rig;

    open_rig(&rig, dir);
    store = ses_lmdb_of(rig.store);
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) {
        const struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        BUDGET_OK(ses_claim_new(store, &key, 1, &claim));
        ses_claim_release(store, &claim);
    });
    close_rig(&rig);
}

void budget_seal(const char *dir, unsigned operations)
{
    const struct ses_record record = record_now();
    struct record_sealer sealer;
    struct record_keys keys;
    struct ses_secret secret;
    uint8_t bytes[sizeof(body) + RECORD_EXTRA_BYTES];

    (void)dir;
    BUDGET_OK(ses_secret_new(32, &secret));
    BUDGET_OK(ses_record_keys_init(&keys, &(struct ses_seal_key){.id = 1, .key = &secret}, 1));
    BUDGET_OK(ses_record_sealer_init(&keys, &sealer));
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) ses_record_seal(&sealer, &record, bytes));
    ses_record_sealer_done(&sealer);
    ses_secret_free(&secret);
}

/* One record on its way. */
struct put {
    struct ses_store_op op;
    unsigned *done;
};

static void on_done(struct ses_store_op *op, enum ses_status status)
{
    SES_REQUIRE(status == SES_OK);
    ++*SES_CONTAINER(op, struct put, op)->done;
}

static void put_batch(struct rig *rig, unsigned first, unsigned *done)
{
    struct ses_record record = record_now();
    struct put puts[BATCH];

    for (unsigned i = 0; i < BATCH; i++) {
        record.key = key_of(first + i);
        puts[i].op.done = on_done;
        puts[i].op.deadline_mono_ns = 0;
        puts[i].done = done;
        SES_REQUIRE(ses_store_put(rig->store, &puts[i].op, &SES_VERSION_ABSENT, &record, 1) == SES_PENDING);
    }
    ses_store_flush(rig->store);
    while (*done < first + BATCH) {
        uint64_t count;

        SES_REQUIRE(read(rig->wake_fd, &count, sizeof(count)) == sizeof(count));
        ses_store_complete(rig->store);
    }
}

/* Claim, seal, transaction, publication, acknowledgement, by both threads: what one record costs in a batch
 * of 64. */
void budget_commit(const char *dir, unsigned operations)
{
    struct rig rig;
    unsigned done = 0;

    open_rig(&rig, dir);
    put_batch(&rig, 0, &done);
    BUDGET_COUNT(for (unsigned i = BATCH; i < operations + BATCH; i += BATCH) put_batch(&rig, i, &done));
    close_rig(&rig);
}

/* A record read and opened: a repeated call, GetSession. */
void budget_get(const char *dir, unsigned operations)
{
    struct ses_arena arena;
    struct rig rig;
    unsigned done = 0;

    open_rig(&rig, dir);
    ses_arena_init(&arena, 1u << 20);
    while (done < operations)
        put_batch(&rig, done, &done);
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) {
        const struct ses_store_key key = key_of(i);
        struct ses_store_op op = {.deadline_mono_ns = 0};

        BUDGET_OK(ses_store_get(rig.store, &op, &key, &arena));
    });
    ses_arena_done(&arena);
    close_rig(&rig);
}

/* A record that the scrub reads and opens: one slice, at the monotonic time at which so many are due. */
void budget_scrub(const char *dir, unsigned operations)
{
    struct rig rig;
    unsigned done = 0;
    uint64_t due_ms = operations * UINT64_C(1000) / SES_USUAL_store_scrub_per_second + 1;

    open_rig(&rig, dir);
    while (done < operations)
        put_batch(&rig, done, &done);
    BUDGET_COUNT(ses_lmdb_scrub(rig.store, ses_clock_now_ms(), ses_clock_mono_ms() + due_ms));
    close_rig(&rig);
}
