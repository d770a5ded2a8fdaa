/* The rings that seal: their first file as it always was, rotation, and what is refused. */
#include "ring_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "ring.h"

#define DAY_S 86400

static void first_path(const struct fixture *f, const char *name, char ret_path[512])
{
    (void)snprintf(ret_path, 512, "%s/%s", f->dir, name);
}

/* 32 bytes of one kind, as an earlier version left its key. */
static void write_first(const struct fixture *f, const char *name, char fill)
{
    char bytes[SES_KEY_SEAL_BYTES + 1] = "";
    char path[512];

    memset(bytes, fill, SES_KEY_SEAL_BYTES);
    first_path(f, name, path);
    file_write(path, bytes);
}

static void load(struct fixture *f, enum ses_key_purpose purpose, struct ses_seal_ring *ret_ring)
{
    if (ses_seal_ring_load(f->dir, purpose, ret_ring, &f->fault) != SES_OK)
        fail_msg("%s", f->fault.text);
}

static void expect_ids(struct fixture *f, enum ses_key_purpose purpose, const uint16_t *ids, size_t count)
{
    struct ses_seal_ring ring;

    load(f, purpose, &ring);
    assert_int_equal(ring.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ring.key[i].id, ids[i]);
        assert_int_equal(ring.key[i].key->len, SES_KEY_SEAL_BYTES);
    }
    ses_seal_ring_free(&ring);
}

#define EXPECT_IDS(f, purpose, ...)                                                                          \
    expect_ids((f), (purpose), (const uint16_t[]){__VA_ARGS__},                                              \
               sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

static void refuses(struct fixture *f, enum ses_key_purpose purpose, enum ses_status status, const char *part)
{
    struct ses_seal_ring ring;

    assert_int_equal(ses_seal_ring_load(f->dir, purpose, &ring, &f->fault), status);
    assert_int_equal(ring.count, 0);
    if (strstr(f->fault.text, part) == NULL)
        fail_msg("'%s' does not say '%s'", f->fault.text, part);
}

static void change(struct fixture *f, const char *kid, enum ses_key_state state, enum ses_status expected)
{
    enum ses_status status = ses_keyring_set_state(f->dir, ses_slice_str(kid), state, &f->fault);

    if (status != expected)
        fail_msg("%s: %s: %s", kid, ses_status_name(status), f->fault.text);
}

static void generate(struct fixture *f, enum ses_key_purpose purpose, const char *expected)
{
    char kid[SES_KID_SIZE];

    if (ses_keyring_generate(f->dir, purpose, &f->fault, kid) != SES_OK)
        fail_msg("%s", f->fault.text);
    assert_string_equal(kid, expected);
}

static enum ses_status retire(struct fixture *f, const char *kid)
{
    char stamp[SES_KEY_STAMP_SIZE];

    assert_int_equal(ses_keyring_stamp(f->dir, SES_KEY_SEAL, &f->fault, stamp), SES_OK);
    return ses_keyring_retire(f->dir, ses_slice_str(kid), stamp, &f->fault);
}

static bool is_there(const struct fixture *f, const char *name)
{
    char path[512];

    first_path(f, name, path);
    return access(path, F_OK) == 0;
}

/* A data directory of before there were rings: nothing is made, nothing is changed by reading it. */
static void files_of_earlier_versions_are_key_one(void **state)
{
    struct fixture *f = *state;
    struct ses_seal_ring ring;

    write_first(f, "seal-1.key", 's');
    write_first(f, "step.key", 't');
    load(f, SES_KEY_SEAL, &ring);
    assert_int_equal(ring.count, 1);
    assert_int_equal(ring.key[0].id, 1);
    assert_int_equal(ring.secret[0].bytes[31], 's');
    ses_seal_ring_free(&ring);
    load(f, SES_KEY_STEP, &ring);
    assert_int_equal(ring.secret[0].bytes[31], 't');
    ses_seal_ring_free(&ring);
    assert_false(is_there(f, "seal"));
    assert_true(ses_seal_ring_exists(f->dir, SES_KEY_SEAL));
}

/* A new ring begins where an earlier version finds it. */
static void a_first_start_makes_what_earlier_versions_read(void **state)
{
    struct fixture *f = *state;
    struct ses_secret secret;
    char path[512];

    assert_false(ses_seal_ring_exists(f->dir, SES_KEY_SEAL));
    refuses(f, SES_KEY_SEAL, SES_NOT_FOUND, "seal-1.key: no such file");
    for (int again = 0; again < 2; again++) {
        assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_SEAL, &f->fault), SES_OK);
        assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_STEP, &f->fault), SES_OK);
        EXPECT_IDS(f, SES_KEY_SEAL, 1);
        EXPECT_IDS(f, SES_KEY_STEP, 1);
    }
    first_path(f, "seal-1.key", path);
    assert_int_equal(ses_secret_file_open(path, false, &secret, &f->fault), SES_OK);
    assert_int_equal(secret.len, 32);
    ses_secret_free(&secret);
}

static void rotation(void **state)
{
    struct fixture *f = *state;
    struct ses_seal_ring ring;

    write_first(f, "seal-1.key", 's');
    generate(f, SES_KEY_SEAL, "seal-2");
    EXPECT_IDS(f, SES_KEY_SEAL, 1,
               2); /* next opens already: another worker may seal with it before this one */
    assert_true(is_there(f, "seal-1.key"));
    change(f, "seal-2", SES_KEY_ACTIVE, SES_OK);
    EXPECT_IDS(f, SES_KEY_SEAL, 2, 1);
    assert_false(is_there(f, "seal-1.key")); /* one file a key */
    load(f, SES_KEY_SEAL, &ring);
    assert_int_equal(ring.key[1].key->bytes[31], 's');
    ses_seal_ring_free(&ring);
    generate(f, SES_KEY_SEAL, "seal-3");
    change(f, "seal-3", SES_KEY_ACTIVE, SES_OK);
    change(f, "seal-1", SES_KEY_ACTIVE, SES_OK); /* and back */
    EXPECT_IDS(f, SES_KEY_SEAL, 1, 2, 3);
    assert_false(is_there(f, "seal-1.key"));
}

/* Killed between its two files, or between the key's new file and the end of its first one. */
static void half_an_activation(void **state)
{
    struct fixture *f = *state;
    char path[512];

    write_first(f, "seal-1.key", 's');
    generate(f, SES_KEY_SEAL, "seal-2");
    change(f, "seal-2", SES_KEY_ACTIVE, SES_OK);
    write_first(f, "seal-1.key", 's');
    EXPECT_IDS(f, SES_KEY_SEAL, 2, 1);
    change(f, "seal-1", SES_KEY_ACTIVE, SES_OK);
    EXPECT_IDS(f, SES_KEY_SEAL, 1, 2);
    assert_false(is_there(f, "seal-1.key"));
    change(f, "seal-2", SES_KEY_ACTIVE, SES_OK);
    fixture_path(f, SES_KEY_SEAL, "seal-1", path);
    assert_int_equal(unlink(path), 0);
    write_first(f, "seal-1.key", 's');
    EXPECT_IDS(f, SES_KEY_SEAL, 2, 1); /* "replaces" overrules it */
}

static void two_files_of_one_id(void **state)
{
    struct fixture *f = *state;

    write_first(f, "seal-1.key", 's');
    generate(f, SES_KEY_SEAL, "seal-2");
    change(f, "seal-2", SES_KEY_ACTIVE, SES_OK);
    write_first(f, "seal-1.key", 'x');
    refuses(f, SES_KEY_SEAL, SES_FAILED_PRECONDITION, "seal/seal-1.json are two keys of one id");
}

static void what_a_file_must_not_be(void **state)
{
    static const char *const edits[][3] = {
        {"\"kid\": \"seal-2\"", "\"kid\": \"seal-02\"", "kid is not the ring's name"},
        {"\"kid\": \"seal-2\"", "\"kid\": \"step-2\"", "kid is not the ring's name"},
        {"\"kid\": \"seal-2\"", "\"kid\": \"seal-65536\"", "kid is not the ring's name"},
        {"\"state\": \"next\"", "\"state\": \"verify-only\"", "state is not one of next, active, open-only"},
        {"k4.local.", "k4.local.A", "secret is not a whole"},
        {"k4.lid.", "k4.lid.A", "lid is not"},
        {"\"replaces\": \"seal-1\"", "\"replaces\": \"step-1\"", "replaces is not"},
        {"\"secret\": \"k4.local.", "\"public\": \"k4.local.", "secret is missing"},
    };
    struct fixture *f = *state;
    char path[512];
    char good[4096];
    char other[4096];

    assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_SEAL, &f->fault), SES_OK);
    generate(f, SES_KEY_SEAL, "seal-2");
    generate(f, SES_KEY_SEAL, "seal-3");
    fixture_path(f, SES_KEY_SEAL, "seal-2", path);
    file_edit(path, "\"secret\"", "\"replaces\": \"seal-1\", \"secret\"");
    (void)file_read(path, good, sizeof(good));
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        file_edit(path, edits[i][0], edits[i][1]);
        refuses(f, SES_KEY_SEAL, SES_MALFORMED, edits[i][2]);
        refuses(f, SES_KEY_SEAL, SES_MALFORMED, "seal-2.json");
        refuses(f, SES_KEY_SEAL, SES_MALFORMED, "from your backup");
        file_write(path, good);
    }
    /* A whole secret, of another key. */
    fixture_path(f, SES_KEY_SEAL, "seal-3", path);
    (void)file_read(path, other, sizeof(other));
    fixture_path(f, SES_KEY_SEAL, "seal-2", path);
    memcpy(strstr(good, "k4.local."), strstr(other, "k4.local."), sizeof("k4.local.") - 1 + 43);
    file_write(path, good);
    refuses(f, SES_KEY_SEAL, SES_MALFORMED, "secret and lid do not belong together");
    assert_int_equal(chmod(path, 0640), 0);
    refuses(f, SES_KEY_SEAL, SES_FAILED_PRECONDITION, "seal-2.json: mode is 0640");
}

static void rings_are_kept_apart(void **state)
{
    struct fixture *f = *state;
    char from[512];
    char to[512];

    assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_SEAL, &f->fault), SES_OK);
    generate(f, SES_KEY_SEAL, "seal-2");
    generate(f, SES_KEY_STEP, "step-1"); /* nobody has made the ring: it is not active either */
    refuses(f, SES_KEY_STEP, SES_FAILED_PRECONDITION, "/step: no key is active");
    change(f, "step-1", SES_KEY_ACTIVE, SES_OK);
    EXPECT_IDS(f, SES_KEY_STEP, 1);
    fixture_path(f, SES_KEY_SEAL, "seal-2", from);
    fixture_path(f, SES_KEY_STEP, "seal-2", to);
    assert_int_equal(rename(from, to), 0);
    refuses(f, SES_KEY_STEP, SES_FAILED_PRECONDITION, "wrong purpose");
}

static void revoking(void **state)
{
    struct fixture *f = *state;
    char path[512];
    char text[4096];

    assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_SEAL, &f->fault), SES_OK);
    assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_STEP, &f->fault), SES_OK);
    generate(f, SES_KEY_SEAL, "seal-2");
    generate(f, SES_KEY_STEP, "step-2");
    change(f, "seal-2", SES_KEY_REVOKED, SES_FAILED_PRECONDITION);
    assert_non_null(strstr(f->fault.text, "are lost"));
    change(f, "step-1", SES_KEY_REVOKED, SES_FAILED_PRECONDITION); /* active */
    change(f, "step-2", SES_KEY_ACTIVE, SES_OK);
    change(f, "step-1", SES_KEY_REVOKED, SES_OK);
    EXPECT_IDS(f, SES_KEY_STEP, 2);
    fixture_path(f, SES_KEY_STEP, "step-1", path);
    (void)file_read(path, text, sizeof(text));
    assert_null(strstr(text, "k4.local."));
    change(f, "step-1", SES_KEY_ACTIVE, SES_FAILED_PRECONDITION);
}

static void numbers_are_never_given_twice(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_SEAL, &f->fault), SES_OK);
    generate(f, SES_KEY_SEAL, "seal-2");
    assert_int_equal(retire(f, "seal-1"), SES_FAILED_PRECONDITION); /* active */
    assert_int_equal(retire(f, "seal-2"), SES_FAILED_PRECONDITION);
    assert_non_null(strstr(f->fault.text, "number must not be given again"));
    generate(f, SES_KEY_SEAL, "seal-3");
    assert_int_equal(retire(f, "seal-2"), SES_OK); /* next: it has sealed nothing */
    change(f, "seal-3", SES_KEY_ACTIVE, SES_OK);
    assert_int_equal(retire(f, "seal-1"), SES_OK);
    EXPECT_IDS(f, SES_KEY_SEAL, 3);
    generate(f, SES_KEY_SEAL, "seal-4");
    assert_int_equal(retire(f, "seal-9"), SES_NOT_FOUND);
}

/* Who has looked for records of a key must have looked while the ring was what it is. */
static void a_stamp_tells_every_change(void **state)
{
    struct fixture *f = *state;
    char before[SES_KEY_STAMP_SIZE];
    char after[SES_KEY_STAMP_SIZE];
    struct ses_buf list;
    bool current = true;

    write_first(f, "seal-1.key", 's');
    generate(f, SES_KEY_SEAL, "seal-2");
    generate(f, SES_KEY_SEAL, "seal-3");
    change(f, "seal-2", SES_KEY_ACTIVE, SES_OK);
    assert_int_equal(ses_keyring_stamp(f->dir, SES_KEY_SEAL, &f->fault, before), SES_OK);
    assert_int_equal(ses_keyring_is_current(f->dir, before, &f->fault, &current), SES_OK);
    assert_false(current);
    assert_int_equal(ses_keyring_list_ids(f->dir, &f->fault, &list), SES_OK);
    assert_int_equal(ses_keyring_note_loaded(f->dir, ses_buf_view(&list), &f->fault), SES_OK);
    ses_buf_done(&list);
    assert_int_equal(ses_keyring_is_current(f->dir, before, &f->fault, &current), SES_OK);
    assert_true(current);
    assert_int_equal(ses_keyring_is_loaded(f->dir, SES_STR("seal-1"), &f->fault, &current), SES_OK);
    assert_true(current);
    assert_int_equal(ses_keyring_is_loaded(f->dir, SES_STR("seal-4"), &f->fault, &current), SES_OK);
    assert_false(current);

    change(f, "seal-1", SES_KEY_ACTIVE, SES_OK);
    change(f, "seal-2", SES_KEY_ACTIVE,
           SES_OK); /* as it was: but somebody may have sealed with 1 meanwhile */
    assert_int_equal(ses_keyring_stamp(f->dir, SES_KEY_SEAL, &f->fault, after), SES_OK);
    assert_string_not_equal(before, after);
    assert_int_equal(ses_keyring_is_current(f->dir, after, &f->fault, &current), SES_OK);
    assert_false(current);
    assert_int_equal(ses_keyring_retire(f->dir, SES_STR("seal-1"), before, &f->fault), SES_ABORTED);
    EXPECT_IDS(f, SES_KEY_SEAL, 2, 1, 3);
    assert_int_equal(ses_keyring_retire(f->dir, SES_STR("seal-1"), after, &f->fault), SES_OK);
}

static void age_file(const char *path, time_t seconds)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - seconds}};

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Of keys that sign too: what they made is refused the moment they are gone. */
static void a_key_rests_before_it_goes(void **state)
{
    static const enum ses_key_purpose purposes[] = {SES_KEY_TEST, SES_KEY_STEP};
    struct fixture *f = *state;
    char old_kid[SES_KID_SIZE];
    char new_kid[SES_KID_SIZE];
    char path[512];

    assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_STEP, &f->fault), SES_OK);
    for (size_t i = 0; i < 2; i++) {
        fixture_kid(f, purposes[i], SES_KEY_ACTIVE, old_kid);
        assert_int_equal(ses_keyring_generate(f->dir, purposes[i], &f->fault, new_kid), SES_OK);
        change(f, new_kid, SES_KEY_ACTIVE, SES_OK);
        assert_int_equal(retire(f, old_kid), SES_FAILED_PRECONDITION);
        assert_non_null(strstr(f->fault.text, "for 8 days"));
        fixture_path(f, purposes[i], old_kid, path);
        age_file(path, SES_KEY_REST_DAYS * DAY_S - 60);
        assert_int_equal(retire(f, old_kid), SES_FAILED_PRECONDITION);
        age_file(path, -60); /* written by a clock that was ahead */
        assert_int_equal(retire(f, old_kid), SES_FAILED_PRECONDITION);
        age_file(path, SES_KEY_REST_DAYS * DAY_S + 60);
        assert_int_equal(retire(f, old_kid), SES_OK);
    }
}

/* For a backup that has the keys: every ring with every state, and nothing that is the running server's. */
static void a_copy_of_all_keys(void **state)
{
    static const char *const names[] = {"seal-1.key", "step.key", "natural.key", "log.key"};
    static struct ses_key_info before[SES_KEYRING_LIST_MAX];
    static struct ses_key_info after[SES_KEYRING_LIST_MAX];
    struct fixture *f = *state;
    size_t before_count = 0;
    size_t after_count = 0;
    char copy[600];
    char path[700];
    char kid[SES_KID_SIZE];

    for (size_t i = 0; i < 4; i++)
        write_first(f, names[i], (char)('a' + (int)i));
    generate(f, SES_KEY_STEP, "step-2");
    change(f, "step-2", SES_KEY_ACTIVE, SES_OK); /* seal stays its first file */
    generate(f, SES_KEY_STEP, "step-3");
    change(f, "step-1", SES_KEY_REVOKED, SES_OK);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_LIVE, &f->fault, kid), SES_OK);
    assert_int_equal(ses_keyring_note_loaded(f->dir, SES_STR("seal-1\n"), &f->fault), SES_OK);
    (void)snprintf(copy, sizeof(copy), "%s/copy", f->dir);
    if (ses_keys_copy(f->dir, copy, &f->fault) != SES_OK)
        fail_msg("%s", f->fault.text);
    assert_int_equal(ses_keys_copy(f->dir, copy, &f->fault), SES_ALREADY_EXISTS);
    assert_int_equal(ses_keyring_list(f->dir, before, &before_count, &f->fault), SES_OK);
    assert_int_equal(ses_keyring_list(copy, after, &after_count, &f->fault), SES_OK);
    assert_int_equal(after_count, before_count);
    for (size_t i = 0; i < before_count; i++) { /* when it was made a file tells: a copy is younger */
        assert_string_equal(after[i].kid, before[i].kid);
        assert_int_equal(after[i].purpose, before[i].purpose);
        assert_int_equal(after[i].state, before[i].state);
    }
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", copy, names[i]);
        assert_int_equal(access(path, F_OK),
                         i == 1 ? -1 : 0); /* step-1 has a file of its own, without secret */
    }
    (void)snprintf(path, sizeof(path), "%s/loaded", copy);
    assert_int_equal(access(path, F_OK), -1);
}

static void root_gives_directories_to_their_owner(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    char path[512];

    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(f->dir, 12345, 54321), 0);
    assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_SEAL, &f->fault), SES_OK);
    for (int i = 0; i < 2; i++) {
        first_path(f, i == 0 ? "seal" : "seal-1.key", path);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_uid, 12345);
    }
}

int main(void)
{
#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_RING(files_of_earlier_versions_are_key_one),
        WITH_RING(a_first_start_makes_what_earlier_versions_read),
        WITH_RING(rotation),
        WITH_RING(half_an_activation),
        WITH_RING(two_files_of_one_id),
        WITH_RING(what_a_file_must_not_be),
        WITH_RING(rings_are_kept_apart),
        WITH_RING(revoking),
        WITH_RING(numbers_are_never_given_twice),
        WITH_RING(a_stamp_tells_every_change),
        WITH_RING(a_key_rests_before_it_goes),
        WITH_RING(a_copy_of_all_keys),
        WITH_RING(root_gives_directories_to_their_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
