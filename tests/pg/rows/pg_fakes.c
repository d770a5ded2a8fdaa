#include "pg_fakes.h"

#include "unit_clock.h"

static struct fakes *opening; /* whose links are made now */

static struct fake *fake_of(const struct pg_link *link)
{
    return (struct fake *)(uintptr_t)link;
}

enum ses_status __wrap_ses_pg_link_new(const struct ses_pg_options *options, unsigned shard,
                                       const struct pg_link_events *events, struct pg_link **ret_link);
void __wrap_ses_pg_link_free(struct pg_link *link);
void __wrap_ses_pg_link_serve(struct pg_link *link, bool serves, enum ses_pg_cause cause);
enum ses_durability __wrap_ses_pg_link_durability(const struct pg_link *link);

enum ses_status __wrap_ses_pg_link_new(const struct ses_pg_options *options, unsigned shard,
                                       const struct pg_link_events *events, struct pg_link **ret_link)
{
    struct fake *fake = &opening->shard[shard];

    assert_true(shard < options->shards_count);
    fake_init_link(fake);
    fake->events = *events;
    *ret_link = (struct pg_link *)fake;
    return SES_OK;
}

/* What is on its way has no end. */
void __wrap_ses_pg_link_free(struct pg_link *link)
{
    struct fake *fake = fake_of(link);

    for (unsigned n = 0; n < fake->sent_count; n++) {
        if (fake->sent[n].request != NULL)
            fake_lose(fake, n);
    }
    fake->events.closed(fake->events.arg);
}

void __wrap_ses_pg_link_serve(struct pg_link *link, bool serves, enum ses_pg_cause cause)
{
    (void)cause;
    fake_of(link)->serves = serves;
}

enum ses_durability __wrap_ses_pg_link_durability(const struct pg_link *link)
{
    return fake_of(link)->durability;
}

/* ---- the store ---- */

static void on_notify(void *arg)
{
    (void)arg;
}

void fakes_open(struct fakes *fakes, unsigned count)
{
    static const char *const nowhere[FAKE_SHARDS_MAX] = {"a", "b", "c"};
    struct ses_pg_options options = {.loop = &fakes->loop,
                                     .shards = nowhere,
                                     .shards_count = count,
                                     .seal_keys = &fakes->seal_key,
                                     .seal_keys_count = 1,
                                     .batch_rows = 256,
                                     .queue_max = 600,
                                     .write_connections = 2,
                                     .read_connections = FAKE_READERS,
                                     .notify = on_notify,
                                     .log = &fakes->log};

    memset(fakes, 0, sizeof(*fakes));
    unit_clock_stop();
    opening = fakes;
    fakes->count = count;
    assert_int_equal(uv_loop_init(&fakes->loop), 0);
    ses_log_init(&fakes->log, -1, SES_LOG_INFO, "test");
    assert_ok(ses_secret_new(32, &fakes->secret));
    memset(fakes->secret.bytes, 0x5a, 32);
    fakes->seal_key = (struct ses_seal_key){.id = 7, .key = &fakes->secret};
    assert_ok(ses_pg_open(&options, &fakes->store));
    for (unsigned i = 0; i < count; i++) {
        fakes->shard[i].rows = &ses_pg_of(fakes->store)->shards[i].rows;
        fakes->shard[i].free[PG_USE_READ] = FAKE_READERS;
    }
}

/* What has no answer yet gets none. */
void fakes_close(struct fakes *fakes)
{
    struct ses_pg *store = ses_pg_of(fakes->store);

    for (unsigned i = 0; i < fakes->count; i++)
        ses_pg_rows_give_up(&store->shards[i].rows);
    unit_clock_run();
    ses_store_complete(fakes->store);
    ses_store_close(fakes->store);
    assert_int_equal(uv_loop_close(&fakes->loop), 0);
    ses_secret_free(&fakes->secret);
    ses_log_done(&fakes->log);
}

void fakes_turn(struct fakes *fakes)
{
    ses_store_flush(fakes->store);
    ses_store_complete(fakes->store);
}

enum ses_status fakes_get(struct fakes *fakes, struct fake_call *call, const struct ses_store_key *key)
{
    fake_begin(call);
    ses_arena_init(&call->arena, 1 << 20);
    return ses_store_get(fakes->store, &call->op, key, &call->arena);
}

enum ses_status fakes_create(struct fakes *fakes, struct fake_call *call, const struct ses_store_key *key)
{
    static const uint8_t body[16];
    const struct ses_record record = {
        .key = *key, .kind = SES_RECORD_SESSION, .expires_ms = 1, .body = ses_slice(body, sizeof(body))};

    fake_begin(call);
    return ses_store_put(fakes->store, &call->op, &SES_VERSION_ABSENT, &record, 0);
}

bool fakes_has(const struct fakes *fakes, unsigned shard, const char *name)
{
    const struct fake *fake = &fakes->shard[shard];

    for (unsigned n = 0; n < fake->sent_count; n++) {
        if (fake->sent[n].request != NULL && strcmp(fake_name(fake, n), name) == 0)
            return true;
    }
    return false;
}

unsigned fakes_find(const struct fakes *fakes, unsigned shard, const char *name)
{
    const struct fake *fake = &fakes->shard[shard];

    for (unsigned n = 0; n < fake->sent_count; n++) {
        if (fake->sent[n].request != NULL && strcmp(fake_name(fake, n), name) == 0)
            return n;
    }
    fail_msg("shard %u has no %s", shard, name);
    return 0;
}
