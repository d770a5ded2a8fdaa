/* What a ring is refused for, and that the refusal names it. */
#include "ring_fixture.h"

#include <sys/stat.h>

#include "ring.h"

static void no_active_key(void **state)
{
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];
    char path[512];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, kid);
    fixture_path(f, SES_KEY_TEST, kid, path);
    file_edit(path, "\"active\"", "\"verify-only\"");
    fixture_refuses(f, SES_FAILED_PRECONDITION, "/test: no key is active");
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(kid), SES_KEY_ACTIVE, &f->fault), SES_OK);
    ses_keyring_free(fixture_load(f));
    assert_int_equal(unlink(path), 0);
    fixture_refuses(f, SES_FAILED_PRECONDITION, "/test: no key is active");
}

static void two_active_keys(void **state)
{
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];
    char path[512];

    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_LIVE, &f->fault, kid), SES_OK);
    fixture_path(f, SES_KEY_LIVE, kid, path);
    file_edit(path, "\"next\"", "\"active\"");
    fixture_refuses(f, SES_FAILED_PRECONDITION, "/live: more than one key is active");
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(kid), SES_KEY_ACTIVE, &f->fault), SES_OK);
    struct ses_keyring *ring = fixture_load(f);
    assert_string_equal(ring->active[0]->kid, kid);
    ses_keyring_free(ring);
}

static void open_permissions(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0660, 0610};
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];
    char path[512];

    fixture_kid(f, SES_KEY_LIVE, SES_KEY_ACTIVE, kid);
    fixture_path(f, SES_KEY_LIVE, kid, path);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        fixture_refuses(f, SES_FAILED_PRECONDITION, kid);
    }
    assert_int_equal(chmod(path, 0400), 0);
    ses_keyring_free(fixture_load(f));
    (void)snprintf(path, sizeof(path), "%s/live", f->dir);
    assert_int_equal(chmod(path, 0770), 0);
    fixture_refuses(f, SES_FAILED_PRECONDITION, "directory mode is 0770");
}

static void missing_ring(void **state)
{
    struct fixture *f = *state;
    char from[512];
    char to[512];

    (void)snprintf(from, sizeof(from), "%s/live", f->dir);
    (void)snprintf(to, sizeof(to), "%s/elsewhere", f->dir);
    assert_int_equal(rename(from, to), 0);
    fixture_refuses(f, SES_IO, "/live: cannot be opened: No such file");
}

static void wrong_purpose(void **state)
{
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];
    char from[512];
    char to[512];

    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_LIVE, &f->fault, kid), SES_OK);
    fixture_path(f, SES_KEY_LIVE, kid, from);
    fixture_path(f, SES_KEY_TEST, kid, to);
    assert_int_equal(rename(from, to), 0);
    fixture_refuses(f, SES_FAILED_PRECONDITION, "wrong purpose");
}

static void renamed_file(void **state)
{
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];
    char from[512];
    char to[512];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, kid);
    fixture_path(f, SES_KEY_TEST, kid, from);
    fixture_path(f, SES_KEY_TEST, "copy", to);
    assert_int_equal(rename(from, to), 0);
    fixture_refuses(f, SES_FAILED_PRECONDITION, "not named after its key");
}

/* Each edit of a good file breaks one rule. */
static void garbage_files(void **state)
{
    static const char *const edits[][3] = {
        {"{", "", "not a JSON object"},
        {"}", "", "not a JSON object"},
        {"}", "} {}", "more than one"},
        {"{", "[", "not a JSON object"},
        {"\"kid\"", "\"kid\" \"", "not a JSON object"},
        {"\"purpose\": \"test\"", "\"purpose\": 1", "not a JSON object"},
        {"\"purpose\": \"test\"", "\"purpose\": \"te\\u0073t\"", "not a JSON object"},
        {"\"purpose\"", "\"porpoise\"", "unknown"},
        {"\"purpose\": \"test\"", "\"purpose\": \"test\", \"purpose\": \"test\"", "twice"},
        {"\"state\": \"active\"", "\"state\": \"ACTIVE\"", "state is not one of"},
        {"\"state\": \"active\",", "", "state is not one of"},
        {"\"state\": \"active\"", "\"state\": \"revoked\"", "still has its secret"},
        {"\"created\": \"20", "\"created\": \"19", "created is not a time"},
        {"k4.public.", "k3.public.", "public is not"},
        {"k4.public.", "k4.public.A", "public is not"},
        {"k4.secret.", "k4.local.", "secret is not"},
        {"k4.secret.", "k4.secret.A", "secret is not"},
        {"\"kid\": \"k4.pid.", "\"kid\": \"k4.lid.", "kid is not the id"},
        {"\"secret\"", "\"replaces\": \"k4.pid.x\", \"secret\"", "replaces is not"},
    };
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];
    char path[512];
    char good[4096];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, kid);
    fixture_path(f, SES_KEY_TEST, kid, path);
    (void)file_read(path, good, sizeof(good));
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        file_edit(path, edits[i][0], edits[i][1]);
        fixture_refuses(f, SES_MALFORMED, edits[i][2]);
        file_write(path, good);
    }
    ses_keyring_free(fixture_load(f));
}

static void no_file_at_all(void **state)
{
    struct fixture *f = *state;
    char path[512];
    static char big[SES_KEYDIR_FILE_MAX + 2];

    fixture_path(f, SES_KEY_TEST, "k4.pid.x", path);
    file_write(path, "");
    fixture_refuses(f, SES_MALFORMED, "size is not within");
    memset(big, ' ', sizeof(big) - 1);
    file_write(path, big);
    fixture_refuses(f, SES_MALFORMED, "size is not within");
    file_write(path, "\x80\x81\xff{}");
    fixture_refuses(f, SES_MALFORMED, "not a JSON object");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    fixture_refuses(f, SES_MALFORMED, "not a regular file");
}

/* Signing under a public half that is not the seed's own gives the seed away: such a file must not load. */
static void secret_of_another_key(void **state)
{
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];
    char other_kid[SES_KID_SIZE];
    char path[512];
    char other_path[512];
    char text[4096];
    char other_text[4096];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, kid);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, other_kid), SES_OK);
    fixture_path(f, SES_KEY_TEST, kid, path);
    fixture_path(f, SES_KEY_TEST, other_kid, other_path);
    (void)file_read(path, text, sizeof(text));
    (void)file_read(other_path, other_text, sizeof(other_text));
    char *secret = strstr(text, "k4.secret.");
    const char *other_secret = strstr(other_text, "k4.secret.");

    memcpy(secret, other_secret, 96); /* whole: a good key, but not this one */
    file_write(path, text);
    fixture_refuses(f, SES_MALFORMED, "do not belong together");
}

static void what_is_not_a_key_file_is_skipped(void **state)
{
    struct fixture *f = *state;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/test/.new", f->dir);
    file_write(path, "half a key");
    (void)snprintf(path, sizeof(path), "%s/test/README", f->dir);
    file_write(path, "hands off");
    ses_keyring_free(fixture_load(f));
}

int main(void)
{
#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_RING(no_active_key),         WITH_RING(two_active_keys),
        WITH_RING(open_permissions),      WITH_RING(missing_ring),
        WITH_RING(wrong_purpose),         WITH_RING(renamed_file),
        WITH_RING(garbage_files),         WITH_RING(no_file_at_all),
        WITH_RING(secret_of_another_key), WITH_RING(what_is_not_a_key_file_is_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
