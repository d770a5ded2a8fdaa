/* The scrub: it comes round, finds each damaged record whoever wrote it, tells of it once, and costs what it may. */
#include "store_fixture.h"

#include <fcntl.h>

#include "store_lmdb_impl.h"

#define SESSIONS 300
#define BODY     "a body that nobody has asked for yet"
#define RATE     2000

struct scrubbed {
    struct rig *rig;
    struct ses_lmdb *store;
    uint64_t now_ms;
    uint64_t mono_ms;
    char log[128];
};

static uint64_t metric(const struct scrubbed *s, enum ses_counter counter)
{
    return atomic_load(&s->rig->metrics->counter[counter]);
}

static void open_scrubbed(struct rig *rig, struct scrubbed *s, unsigned per_second)
{
    *s = (struct scrubbed){.rig = rig};
    (void)snprintf(s->log, sizeof(s->log), "%s/log", rig->dir);
    ses_log_init(&rig->log, open(s->log, O_RDWR | O_CREAT | O_APPEND, 0600), SES_LOG_INFO, "test");
    rig->options.log = &rig->log;
    rig->options.scrub_per_second = per_second;
    s->store = rig_open(rig, 0);
    s->now_ms = s->store->scrub.began_ms;
    s->mono_ms = s->store->scrub.looked_ms;
}

static void close_scrubbed(struct scrubbed *s)
{
    ses_lmdb_close(s->store);
    ses_log_flush(&s->rig->log);
    (void)close(s->rig->log.fd);
    s->rig->log.fd = -1;
}

static void slice(struct scrubbed *s, uint64_t ms)
{
    s->now_ms += ms;
    s->mono_ms += ms;
    ses_lmdb_scrub(&s->store->base, s->now_ms, s->mono_ms);
}

/* Until the pass that runs is over. */
static void whole_pass(struct scrubbed *s)
{
    do
        slice(s, 200);
    while (s->store->scrub.passing);
}

static unsigned lines_with(struct scrubbed *s, const char *words)
{
    static char text[1 << 20];
    unsigned count = 0;
    ssize_t len;
    int fd;

    ses_log_flush(&s->rig->log);
    fd = open(s->log, O_RDONLY);
    len = read(fd, text, sizeof(text) - 1);
    assert_true(len >= 0);
    (void)close(fd);
    text[len] = '\0';
    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words))
        count++;
    return count;
}

static void flip(int fd, off_t at)
{
    uint8_t byte;

    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* A byte of the sealed body of the n-th record in the file, behind its header and nonce: wherever that record lies, since
 * pages that were replaced still have it. */
static void rot(const struct rig *rig, unsigned shard, unsigned n)
{
    static const uint8_t head[] = {RECORD_VERSION, SES_RECORD_SESSION, 7, 0, 1, 0, 0, 0}; /* revision 1 */
    static uint8_t file[16 << 20];
    const uint8_t *target = NULL;
    char path[128];
    ssize_t len;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%03u/data.mdb", rig->dir, shard);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    len = read(fd, file, sizeof(file));
    assert_true(len > RECORD_BODY_AT);
    for (ssize_t at = 0; at < len - RECORD_BODY_AT; at++) {
        if (target == NULL && memcmp(file + at, head, sizeof(head)) == 0 && n-- == 0)
            target = file + at;
        if (target != NULL && memcmp(file + at, target, RECORD_BODY_AT) == 0)
            flip(fd, at + RECORD_BODY_AT + 3);
    }
    assert_non_null(target);
    (void)close(fd);
}

static void test_sound_records(void **state)
{
    struct rig *rig = *state;
    struct scrubbed s;

    rig_fill(rig, SESSIONS, BODY);
    open_scrubbed(rig, &s, RATE);
    whole_pass(&s);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), SESSIONS);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUB_DAMAGED), 0);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUB_SECONDS), 0);
    slice(&s, 90000); /* the next pass does not begin yet */
    assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), SESSIONS);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUB_SECONDS), 90);
    slice(&s, STORE_SCRUB_PASS_MS);
    whole_pass(&s);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), 2 * SESSIONS);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUB_SECONDS), 0);
    assert_int_equal(lines_with(&s, "record_unreadable"), 0);
    close_scrubbed(&s);
}

/* So many a second and no more, and never many at once, however late it is called. */
static void test_rate(void **state)
{
    struct rig *rig = *state;
    struct scrubbed s;

    rig_fill(rig, 2 * STORE_SCRUB_SLICE_MAX, BODY);
    open_scrubbed(rig, &s, 50);
    slice(&s, 19); /* not even one is due */
    assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), 0);
    slice(&s, 1);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), 1);
    slice(&s, 200);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), 11);
    slice(&s, 3600000);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), 11 + STORE_SCRUB_SLICE_MAX);
    close_scrubbed(&s);
}

static void test_off(void **state)
{
    struct rig *rig = *state;
    struct scrubbed s;

    rig_fill(rig, SESSIONS, BODY);
    open_scrubbed(rig, &s, 0);
    slice(&s, 3600000);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), 0);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUB_SECONDS), 0);
    close_scrubbed(&s);
}

static void test_damage_is_told_once(void **state)
{
    struct rig *rig = *state;
    struct scrubbed s;

    rig_fill(rig, SESSIONS, BODY);
    rot(rig, 0, 10);
    rot(rig, 0, 200);
    open_scrubbed(rig, &s, RATE);
    for (unsigned pass = 1; pass <= 3; pass++) {
        whole_pass(&s);
        assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), pass * SESSIONS);
        assert_int_equal(metric(&s, SES_C_STORE_SCRUB_DAMAGED), 2);
        assert_int_equal(metric(&s, SES_C_STORE_UNREADABLE), 2);
        assert_int_equal(lines_with(&s, "record_unreadable"), 2);
        assert_int_equal(lines_with(&s, "\"found_by\":\"scrub\""), 2);
        slice(&s, STORE_SCRUB_PASS_MS);
    }
    close_scrubbed(&s);
}

/* A shard of a slot that is gone, and of one that is another worker's. */
static void test_whose_shards(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *other;
    struct scrubbed s;

    rig->options.shards = 4;
    for (unsigned shard = 0; shard < 4; shard++) {
        other = rig_open(rig, shard);
        for (uint64_t i = 0; i < 10; i++)
            create(rig, other, shard * 100 + i, BODY);
        ses_lmdb_close(other);
    }
    rot(rig, 1, 0); /* of a worker that looks itself */
    rot(rig, 2, 0); /* 2 and 3 have no slot now: 2 is slot 0's, 3 is slot 1's */
    rot(rig, 3, 0);
    rig->options.shards = 2;
    open_scrubbed(rig, &s, RATE);
    whole_pass(&s);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUBBED), 20);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUB_DAMAGED), 1);
    assert_int_equal(lines_with(&s, "\"shard\":2"), 1);
    close_scrubbed(&s);
}

/* What is put while a pass runs is found by it or by the next one, and nothing of it is mistaken. */
static void test_beside_puts(void **state)
{
    struct rig *rig = *state;
    struct scrubbed s;

    rig_fill(rig, SESSIONS, BODY);
    open_scrubbed(rig, &s, RATE);
    for (uint64_t i = 0; i < 50; i++) {
        create(rig, s.store, SESSIONS + i, BODY);
        update(rig, s.store, i, "another body", UINT64_MAX);
        slice(&s, 10);
    }
    whole_pass(&s);
    assert_true(metric(&s, SES_C_STORE_SCRUBBED) >= SESSIONS);
    assert_int_equal(metric(&s, SES_C_STORE_SCRUB_DAMAGED), 0);
    assert_int_equal(lines_with(&s, "record_unreadable"), 0);
    close_scrubbed(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sound_records, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_rate, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_off, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_damage_is_told_once, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_whose_shards, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_beside_puts, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
