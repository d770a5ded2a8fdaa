#include "ring_fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <jansson.h>

#include "ring.h"

static void first_start_makes_two_closed_keys(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    char kid[SES_KID_SIZE];
    char path[512];

    for (int test = 0; test < 2; test++) {
        (void)snprintf(path, sizeof(path), "%s/%s", f->dir, test == 1 ? "test" : "live");
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, 0700);
        fixture_kid(f, test == 1, SES_KEY_ACTIVE, kid);
        fixture_path(f, test == 1, kid, path);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 07777, 0600);
    }
}

/* What root does to the ring of a server that runs as somebody else stays readable to that server. */
static void root_gives_files_to_the_directorys_owner(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    char kid[SES_KID_SIZE];
    char path[512];

    if (geteuid() != 0)
        skip();
    (void)snprintf(path, sizeof(path), "%s/test", f->dir);
    assert_int_equal(chown(path, 12345, 54321), 0);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, kid), SES_OK);
    fixture_path(f, SES_KEY_TEST, kid, path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_uid, 12345);
    assert_int_equal(info.st_gid, 54321);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void second_start_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char before[SES_KID_SIZE];
    char after[SES_KID_SIZE];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, before);
    assert_int_equal(ses_keyring_init_dir(f->dir, &f->fault), SES_OK);
    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, after);
    assert_string_equal(before, after);
}

static void rotate(struct fixture *f, char ret_kid[SES_KID_SIZE])
{
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, ret_kid), SES_OK);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(ret_kid), SES_KEY_ACTIVE, &f->fault),
                     SES_OK);
}

static enum ses_status verify(struct fixture *f, const struct ses_keyring *ring, struct ses_slice token)
{
    struct ses_claims got = {0};

    return ses_token_verify(ring, token, true, NOW_MS, &f->arena, &got);
}

/* The whole life of a key, and at no step is a token refused that was good before, until the key is revoked.
 */
static void rotation_refuses_no_token(void **state)
{
    struct fixture *f = *state;
    struct ses_claims claims = fixture_claims();
    char old_kid[SES_KID_SIZE];
    char new_kid[SES_KID_SIZE];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, old_kid);
    struct ses_keyring *first = fixture_load(f);
    struct ses_slice old_token = fixture_mint(f, first, &claims);

    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, new_kid), SES_OK);
    struct ses_keyring *second = fixture_load(f);
    assert_int_equal(verify(f, second, old_token), SES_OK);
    assert_string_equal(second->active[1]->kid, old_kid);

    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(new_kid), SES_KEY_ACTIVE, &f->fault),
                     SES_OK);
    struct ses_keyring *third = fixture_load(f);
    assert_string_equal(third->active[1]->kid, new_kid);
    struct ses_slice new_token = fixture_mint(f, third, &claims);
    assert_int_equal(verify(f, third, old_token), SES_OK);
    assert_int_equal(verify(f, third, new_token), SES_OK);
    /* A worker that still knows the new key as next; one that was never told of it. */
    assert_int_equal(verify(f, second, new_token), SES_OK);
    assert_int_equal(verify(f, first, new_token), SES_UNAUTHENTICATED);

    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(old_kid), SES_KEY_REVOKED, &f->fault),
                     SES_OK);
    struct ses_keyring *fourth = fixture_load(f);
    assert_int_equal(verify(f, fourth, old_token), SES_UNAUTHENTICATED);
    assert_int_equal(verify(f, fourth, new_token), SES_OK);

    assert_int_equal(ses_keyring_retire(f->dir, ses_slice_str(old_kid), "", &f->fault), SES_OK);
    struct ses_keyring *fifth = fixture_load(f);
    assert_int_equal(verify(f, fifth, old_token), SES_UNAUTHENTICATED);
    assert_int_equal(fifth->set[1].count, 1);
    ses_keyring_free(first);
    ses_keyring_free(second);
    ses_keyring_free(third);
    ses_keyring_free(fourth);
    ses_keyring_free(fifth);
}

static void only_the_active_secret_is_in_memory(void **state)
{
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];

    rotate(f, kid);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, kid), SES_OK);
    struct ses_keyring *ring = fixture_load(f);
    for (size_t i = 0; i < ring->set[1].count; i++) {
        const struct ses_key *key = &ring->set[1].keys[i];
        assert_int_equal(key->secret.len, key == ring->active[1] ? SES_PASETO_SECRET_BYTES : 0);
    }
    ses_keyring_free(ring);
}

static void revoked_file_holds_no_secret(void **state)
{
    struct fixture *f = *state;
    char old_kid[SES_KID_SIZE];
    char new_kid[SES_KID_SIZE];
    char path[512];
    char text[4096];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, old_kid);
    rotate(f, new_kid);
    fixture_path(f, SES_KEY_TEST, old_kid, path);
    (void)file_read(path, text, sizeof(text));
    assert_non_null(strstr(text, "k4.secret."));
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(old_kid), SES_KEY_REVOKED, &f->fault),
                     SES_OK);
    (void)file_read(path, text, sizeof(text));
    assert_null(strstr(text, "k4.secret."));
    assert_non_null(strstr(text, "revoked"));
}

static void back_and_forth(void **state)
{
    struct fixture *f = *state;
    char first[SES_KID_SIZE];
    char second[SES_KID_SIZE];
    char active[SES_KID_SIZE];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, first);
    rotate(f, second);
    for (int i = 0; i < 4; i++) {
        const char *wanted = i % 2 == 0 ? first : second;
        assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(wanted), SES_KEY_ACTIVE, &f->fault),
                         SES_OK);
        fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, active);
        assert_string_equal(active, wanted);
        ses_keyring_free(fixture_load(f));
        /* Twice is the same as once. */
        assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(wanted), SES_KEY_ACTIVE, &f->fault),
                         SES_OK);
        ses_keyring_free(fixture_load(f));
    }
}

/* An activation that died between its two files: both say active, the newer one names the older. */
static void half_an_activation_loads_and_heals(void **state)
{
    struct fixture *f = *state;
    struct ses_claims claims = fixture_claims();
    char old_kid[SES_KID_SIZE];
    char new_kid[SES_KID_SIZE];
    char path[512];
    char before[4096];
    char third_kid[SES_KID_SIZE];

    struct ses_keyring *ring = fixture_load(f);
    struct ses_slice old_token = fixture_mint(f, ring, &claims);
    ses_keyring_free(ring);
    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, old_kid);
    fixture_path(f, SES_KEY_TEST, old_kid, path);
    (void)file_read(path, before, sizeof(before));
    rotate(f, new_kid);
    file_write(path, before); /* as if the last write had never happened */

    ring = fixture_load(f);
    assert_string_equal(ring->active[1]->kid, new_kid);
    assert_int_equal(verify(f, ring, old_token), SES_OK);
    ses_keyring_free(ring);

    /* Any later activation clears up: of the new one, of a third one, of the old one itself. */
    rotate(f, third_kid);
    ring = fixture_load(f);
    assert_string_equal(ring->active[1]->kid, third_kid);
    ses_keyring_free(ring);
    file_write(path, before);
    fixture_refuses(f, SES_FAILED_PRECONDITION, "more than one key is active");
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(old_kid), SES_KEY_ACTIVE, &f->fault),
                     SES_OK);
    ring = fixture_load(f);
    assert_string_equal(ring->active[1]->kid, old_kid);
    ses_keyring_free(ring);
}

static void forbidden_moves(void **state)
{
    struct fixture *f = *state;
    char active[SES_KID_SIZE];
    char other[SES_KID_SIZE];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, active);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(active), SES_KEY_REVOKED, &f->fault),
                     SES_FAILED_PRECONDITION);
    assert_int_equal(ses_keyring_retire(f->dir, ses_slice_str(active), "", &f->fault),
                     SES_FAILED_PRECONDITION);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(active), SES_KEY_VERIFY_ONLY, &f->fault),
                     SES_INVALID_ARGUMENT);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, other), SES_OK);
    assert_int_equal(ses_keyring_retire(f->dir, ses_slice_str(other), "", &f->fault),
                     SES_FAILED_PRECONDITION);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(other), SES_KEY_REVOKED, &f->fault), SES_OK);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(other), SES_KEY_ACTIVE, &f->fault),
                     SES_FAILED_PRECONDITION);
    assert_int_equal(ses_keyring_retire(f->dir, ses_slice_str(other), "", &f->fault), SES_OK);
    assert_int_equal(ses_keyring_retire(f->dir, ses_slice_str(other), "", &f->fault), SES_NOT_FOUND);
    assert_int_equal(ses_keyring_retire(f->dir, SES_STR("../../etc/passwd"), "", &f->fault),
                     SES_INVALID_ARGUMENT);
    assert_int_equal(ses_keyring_retire(f->dir, SES_STR("k4.pid."), "", &f->fault), SES_INVALID_ARGUMENT);
    ses_keyring_free(fixture_load(f));
}

static void too_many_keys(void **state)
{
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];

    for (int i = 1; i < SES_KEYRING_KEYS_MAX; i++)
        assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, kid), SES_OK);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, kid), SES_FULL);
    ses_keyring_free(fixture_load(f));
}

static void published_keys(void **state)
{
    struct fixture *f = *state;
    char kids[SES_KEY_STATE_COUNT][SES_KID_SIZE];
    struct ses_buf json;

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, kids[SES_KEY_REVOKED]);
    rotate(f, kids[SES_KEY_VERIFY_ONLY]);
    assert_int_equal(
        ses_keyring_set_state(f->dir, ses_slice_str(kids[SES_KEY_REVOKED]), SES_KEY_REVOKED, &f->fault),
        SES_OK);
    rotate(f, kids[SES_KEY_ACTIVE]);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, kids[SES_KEY_NEXT]), SES_OK);
    struct ses_keyring *ring = fixture_load(f);
    ses_buf_init(&json, 65536);
    assert_int_equal(ses_keyring_publish(ring, &json), SES_OK);
    assert_null(memmem(json.data, json.len, "secret", 6));

    json_t *root = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *keys = json_object_get(root, "keys");
    size_t i;
    json_t *key;
    assert_int_equal(json_array_size(keys), 5);
    json_array_foreach(keys, i, key) {
        const char *kid = json_string_value(json_object_get(key, "kid"));
        const char *key_state = json_string_value(json_object_get(key, "state"));
        const char *purpose = json_string_value(json_object_get(key, "purpose"));
        const char *paserk = json_string_value(json_object_get(key, "paserk"));

        for (unsigned s = 0; s < SES_KEY_STATE_COUNT; s++) {
            if (strcmp(kid, kids[s]) == 0) {
                assert_string_equal(key_state, ses_key_state_name(SES_KEY_TEST, (enum ses_key_state)s));
                assert_string_equal(purpose, "test");
                kids[s][0] = '\0';
            }
        }
        assert_int_equal(paserk == NULL, strcmp(key_state, "revoked") == 0);
        assert_true(paserk == NULL || strncmp(paserk, "k4.public.", 10) == 0);
    }
    for (unsigned s = 0; s < SES_KEY_STATE_COUNT; s++)
        assert_int_equal(kids[s][0], '\0'); /* each was listed */
    json_decref(root);
    ses_buf_done(&json);
    ses_keyring_free(ring);
}

/* Several first starts at once agree on one key. */
static void first_starts_race(void **state)
{
    struct fixture *f = *state;
    char dir[400];
    pid_t pids[8];

    (void)snprintf(dir, sizeof(dir), "%s/fresh", f->dir);
    for (int i = 0; i < 8; i++) {
        pids[i] = unit_fork();
        if (pids[i] == 0)
            _exit(ses_keyring_init_dir(dir, &f->fault) == SES_OK ? 0 : 1);
    }
    for (int i = 0; i < 8; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    struct ses_keyring *ring = NULL;
    assert_int_equal(ses_keyring_load(dir, &ring, &f->fault), SES_OK);
    assert_int_equal(ring->set[0].count, 1);
    assert_int_equal(ring->set[1].count, 1);
    ses_keyring_free(ring);
}

int main(void)
{
#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_RING(first_start_makes_two_closed_keys),
        WITH_RING(root_gives_files_to_the_directorys_owner),
        WITH_RING(second_start_changes_nothing),
        WITH_RING(rotation_refuses_no_token),
        WITH_RING(only_the_active_secret_is_in_memory),
        WITH_RING(revoked_file_holds_no_secret),
        WITH_RING(back_and_forth),
        WITH_RING(half_an_activation_loads_and_heals),
        WITH_RING(forbidden_moves),
        WITH_RING(too_many_keys),
        WITH_RING(published_keys),
        WITH_RING(first_starts_race),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
