/* A rig, its puts, and its children. */
#include "store_fixture.h"

#include <ftw.h>
#include <sys/prctl.h>

static void rig_notify(void *arg)
{
    uint64_t one = 1;

    assert_int_equal(write(((struct rig *)arg)->wake_fd, &one, sizeof(one)), sizeof(one));
}

static void rig_init(struct rig *rig)
{
    *rig = (struct rig){.wake_fd = -1};
    ses_random_init();
    assert_non_null(mkdtemp(unit_temporary("store", rig->dir, sizeof(rig->dir))));
    assert_ok(ses_store_shared_create(RIG_SESSIONS, 0, &rig->shared));
    rig->table = rig->shared->table;
    assert_ok(ses_secret_new(32, &rig->secret));
    memset(rig->secret.bytes, 0x5a, 32);
    rig->seal_key = (struct ses_seal_key){.id = 7, .key = &rig->secret};
    ses_log_init(&rig->log, -1, SES_LOG_INFO, "test");
    rig->metrics =
        mmap(NULL, sizeof(*rig->metrics), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(rig->metrics != MAP_FAILED);
    rig->wake_fd = eventfd(0, EFD_NONBLOCK);
    ses_arena_init(&rig->arena, 1u << 20);
    rig->options = ses_usual_store();
    rig->options.dir = rig->dir;
    rig->options.shards = 4;
    rig->options.shared = rig->shared;
    rig->options.seal_keys = &rig->seal_key;
    rig->options.seal_keys_count = 1;
    rig->options.map_bytes = UINT64_C(1) << 33;
    rig->options.notify = rig_notify;
    rig->options.notify_arg = rig;
    rig->options.metrics = rig->metrics;
}

static int rig_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void rig_done(struct rig *rig)
{
    ses_arena_done(&rig->arena);
    ses_store_shared_close(rig->shared);
    ses_secret_free(&rig->secret);
    ses_log_done(&rig->log);
    (void)munmap(rig->metrics, sizeof(*rig->metrics));
    (void)close(rig->wake_fd);
    (void)nftw(rig->dir, rig_remove, 16, FTW_DEPTH | FTW_PHYS);
}

int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    rig_init(rig);
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    rig_done(*state);
    free(*state);
    return 0;
}

void rig_new_table(struct rig *rig, uint64_t sessions_max)
{
    assert_ok(ses_store_shared_resize(rig->shared, sessions_max));
    rig->table = rig->shared->table;
}

enum ses_status rig_try_open(struct rig *rig, struct ses_lmdb **ret_store)
{
    struct ses_store *store;
    enum ses_status status = ses_lmdb_open(&rig->options, &store);

    if (status == SES_OK)
        *ret_store = ses_lmdb_of(store);
    return status;
}

enum ses_status rig_try_open_readonly(struct rig *rig, struct ses_lmdb **ret_store)
{
    struct ses_store *store;
    enum ses_status status = ses_store_open_readonly(&rig->options, &store);

    if (status == SES_OK)
        *ret_store = ses_lmdb_of(store);
    return status;
}

struct ses_lmdb *rig_open(struct rig *rig, unsigned shard)
{
    struct ses_lmdb *store = NULL;

    rig->options.shard = shard;
    assert_ok(rig_try_open(rig, &store));
    return store;
}

struct ses_store_key key_of(uint64_t number)
{
    struct ses_store_key key;

    ses_hash(SES_SLICE_EMPTY, ses_slice(&number, sizeof(number)), key.bytes);
    return key;
}

struct ses_record record_of(const char *body, uint64_t expires_ms)
{
    return (struct ses_record){.session_id = "0123456789abcde",
                               .kind = SES_RECORD_SESSION,
                               .expires_ms = expires_ms,
                               .body = ses_slice_str(body)};
}

void on_done(void *arg, enum ses_status status, const struct ses_lmdb_written *written)
{
    struct wait_one *wait = arg;

    (void)written;
    wait->calls++;
    wait->status = status;
}

void rig_wait(struct rig *rig, struct ses_lmdb *store)
{
    ses_lmdb_flush(store);
    while (ses_lmdb_pending(store) > 0) {
        struct pollfd ready = {.fd = rig->wake_fd, .events = POLLIN};
        uint64_t count;

        assert_int_equal(poll(&ready, 1, UNIT_PATIENCE_MS), 1);
        (void)!read(rig->wake_fd, &count, sizeof(count));
        ses_lmdb_complete(store);
    }
}

enum ses_status put_wait(struct rig *rig, struct ses_lmdb *store, struct ses_claim *claim,
                         const struct ses_record *record)
{
    struct wait_one wait = {.calls = 0};
    enum ses_status status = ses_claim_put(store, claim, record, on_done, &wait);

    if (status != SES_OK)
        return status;
    rig_wait(rig, store);
    assert_int_equal(wait.calls, 1);
    return wait.status;
}

enum ses_status intent_wait(struct rig *rig, struct ses_lmdb *store, struct ses_claim *claim,
                            const char *body)
{
    struct ses_record record = record_of(body, ses_clock_wall_ms() + HOUR_MS);
    struct wait_one wait = {.calls = 0};
    enum ses_status status;

    record.kind = SES_RECORD_INTENT;
    status = ses_claim_put_intent(store, claim, &record, on_done, &wait);
    if (status != SES_OK)
        return status;
    rig_wait(rig, store);
    assert_int_equal(wait.calls, 1);
    return wait.status;
}

void create(struct rig *rig, struct ses_lmdb *store, uint64_t number, const char *body)
{
    struct ses_store_key key = key_of(number);
    struct ses_record record = record_of(body, ses_clock_wall_ms() + HOUR_MS);
    struct ses_claim claim;

    assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
    assert_ok(put_wait(rig, store, &claim, &record));
}

enum ses_status get(struct rig *rig, struct ses_lmdb *store, uint64_t number, struct ses_record *record,
                    struct ses_lmdb_ref *ref, bool *claimed)
{
    struct ses_store_key key = key_of(number);

    return ses_lmdb_get(store, &key, &rig->arena, record, ref, claimed);
}

void update(struct rig *rig, struct ses_lmdb *store, uint64_t number, const char *body, uint64_t expires_ms)
{
    struct ses_store_key key = key_of(number);
    struct ses_record next = record_of(body, expires_ms);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    assert_ok(get(rig, store, number, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, record.revision, &claim));
    assert_ok(put_wait(rig, store, &claim, &next));
}

void assert_stored(struct rig *rig, struct ses_lmdb *store, uint64_t number, const char *body,
                   uint32_t revision)
{
    struct ses_store_key key = key_of(number);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed;

    assert_ok(get(rig, store, number, &record, &ref, &claimed));
    assert_true(ses_slice_eq_str(record.body, body));
    assert_int_equal(record.revision, revision);
    assert_memory_equal(&record.key, &key, sizeof(key));
}

void assert_absent(struct rig *rig, struct ses_lmdb *store, uint64_t number)
{
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed;

    assert_int_equal(get(rig, store, number, &record, &ref, &claimed), SES_NOT_FOUND);
}

struct child child_new(void (*fn)(void *arg), void *arg)
{
    struct child child;
    int ends[2];
    char byte;

    assert_int_equal(pipe(ends), 0);
    child = (struct child){unit_fork(), ends[1]};
    if (child.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (read(ends[0], &byte, 1) == 1)
            fn(arg);
        _exit(0);
    }
    (void)close(ends[0]);
    return child;
}

void child_go(struct child *child)
{
    assert_int_equal(write(child->go, "", 1), 1);
    (void)close(child->go);
}

void child_wait(const struct child *child)
{
    int status;

    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    assert_true((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
}

void child_run(struct child *child)
{
    child_go(child);
    child_wait(child);
}

void in_child(void (*fn)(void *arg), void *arg)
{
    struct child child = child_new(fn, arg);

    child_run(&child);
}

void rig_fill(struct rig *rig, uint64_t sessions, const char *body)
{
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record record = record_of(body, UINT64_MAX);
    struct wait_one wait = {.calls = 0};

    for (uint64_t i = 0; i < sessions; i++) {
        struct ses_store_key key = key_of(i);
        struct ses_claim claim;

        assert_ok(ses_claim_new(store, &key, SES_OWNER_NOBODY, &claim));
        assert_ok(ses_claim_put(store, &claim, &record, on_done, &wait));
    }
    rig_wait(rig, store);
    ses_lmdb_close(store);
}

enum ses_status rig_load(struct rig *rig, uint64_t *ret_sessions)
{
    rig_new_table(rig, RIG_SESSIONS);
    *ret_sessions = 0;
    return ses_store_load(rig->dir, rig->shared, ses_clock_wall_ms(), NULL, ret_sessions);
}
