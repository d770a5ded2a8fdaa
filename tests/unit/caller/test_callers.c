/* The callers file: what it says, what is refused and in which words; who is found by what. */
#include "caller_fixture.h"

#define CALLER                                                                                               \
    "  - name: a\n    tenants: [t]\n    merchants: [m1, m2]\n    rights: [create, webhook]\n    modes: [test]\n"
#define KEYS "    keys:\n      - id: \"0000000000000001\"\n        hash: HASH1\n"
#define HEAD "keyed_by: KEYED\ncallers:\n"

static enum ses_caller_verdict find(const struct ses_callers *callers, const char *key, uint64_t wall_s)
{
    const struct ses_caller *caller;

    return ses_callers_find_key(callers, &caller_hash_key, ses_slice_str(key), wall_s, &caller);
}

static void a_caller_is_what_its_entry_says(void **state)
{
    struct ses_callers *callers = caller_load(
        HEAD CALLER
        "    expires: 2027-01-15T08:00:01Z\n" KEYS
        "  - {name: b, tenants: \"*\", merchants: [\"*\"], rights: [operate, continue], modes: [live, test]}\n");
    const struct ses_caller *a = ses_callers_at(callers, 0);
    const struct ses_caller *b = ses_callers_find(callers, SES_STR("b"));
    const struct ses_caller *found = NULL;

    (void)state;
    assert_int_equal(ses_callers_count(callers), 2);
    assert_slice_equal(a->name, "a");
    assert_int_equal(a->rights, SES_RIGHT_CREATE | SES_RIGHT_WEBHOOK);
    assert_int_equal(a->modes, SES_CALLER_TEST);
    assert_true(ses_caller_places_have(&a->merchants, SES_STR("m2")));
    assert_false(ses_caller_places_have(&a->merchants, SES_STR("m")));
    assert_false(ses_caller_places_have(&a->tenants, SES_STR("m1")));
    assert_int_equal(b->rights, SES_RIGHT_CONTINUE | SES_RIGHT_OPERATE);
    assert_int_equal(b->modes, SES_CALLER_TEST | SES_CALLER_LIVE);
    assert_true(ses_caller_places_have(&b->merchants, SES_STR("anything")));
    assert_null(ses_callers_find(callers, SES_STR("c")));
    assert_int_equal(
        ses_callers_find_key(callers, &caller_hash_key, ses_slice_str(caller_key(1)), NOW_S, &found),
        SES_CALLER_KNOWN);
    assert_ptr_equal(found, a);
    assert_int_equal(find(callers, caller_key(1), NOW_S + 1), SES_CALLER_EXPIRED);
    ses_callers_free(callers);
}

static void only_the_whole_key_opens(void **state)
{
    struct ses_callers *callers = caller_load(HEAD CALLER KEYS);
    char key[SES_CALLER_KEY_SIZE + 1];

    (void)state;
    assert_int_equal(find(callers, caller_key(1), NOW_S), SES_CALLER_KNOWN);
    assert_int_equal(find(callers, caller_key(2), NOW_S), SES_CALLER_UNKNOWN);
    (void)snprintf(key, sizeof(key), "%s", caller_key(1));
    key[SES_CALLER_KEY_LEN - 1] ^= 1;
    assert_int_equal(find(callers, key, NOW_S), SES_CALLER_UNKNOWN);
    key[SES_CALLER_KEY_LEN - 1] = '\0';
    assert_int_equal(find(callers, key, NOW_S), SES_CALLER_UNKNOWN);
    (void)snprintf(key, sizeof(key), "%sx", caller_key(1));
    assert_int_equal(find(callers, key, NOW_S), SES_CALLER_UNKNOWN);
    assert_int_equal(find(callers, "", NOW_S), SES_CALLER_UNKNOWN);
    ses_callers_free(callers);
}

/* Of a key that is not known, its state is not told either: a wrong secret is a wrong secret. */
static void states_of_key_and_caller(void **state)
{
    struct ses_callers *callers = caller_load(
        HEAD CALLER KEYS
        "        state: revoked\n      - id: \"0000000000000002\"\n        hash: HASH2\n"
        "        expires: 2027-01-15T08:00:00Z\n"
        "  - {name: r, tenants: [t], merchants: [m], rights: [create], modes: [test], state: revoked,\n"
        "     keys: [{id: \"0000000000000003\", hash: HASH3}], certificates: [{dns: x.y}]}\n");
    const struct ses_caller *caller;

    (void)state;
    assert_int_equal(find(callers, caller_key(1), NOW_S), SES_CALLER_REVOKED);
    assert_int_equal(find(callers, caller_key(2), NOW_S - 1), SES_CALLER_KNOWN);
    assert_int_equal(find(callers, caller_key(2), NOW_S), SES_CALLER_EXPIRED);
    assert_int_equal(find(callers, caller_key(3), NOW_S), SES_CALLER_REVOKED);
    assert_int_equal(ses_callers_find_identity(callers, SES_CALLER_DNS, SES_STR("x.y"), NOW_S, &caller),
                     SES_CALLER_REVOKED);
    ses_callers_free(callers);
}

static void certificates_are_found_by_kind_and_value(void **state)
{
    struct ses_callers *callers =
        caller_load("callers:\n" CALLER "    certificates:\n      - dns: x.y\n      - uri: spiffe://x\n"
                    "      - subject: x.y\n      - thumbprint: "
                    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n");
    const struct ses_caller *caller = NULL;

    (void)state;
    assert_int_equal(ses_callers_find_identity(callers, SES_CALLER_DNS, SES_STR("x.y"), NOW_S, &caller),
                     SES_CALLER_KNOWN);
    assert_slice_equal(caller->name, "a");
    assert_int_equal(ses_callers_find_identity(callers, SES_CALLER_SUBJECT, SES_STR("x.y"), NOW_S, &caller),
                     SES_CALLER_KNOWN);
    assert_int_equal(ses_callers_find_identity(callers, SES_CALLER_URI, SES_STR("x.y"), NOW_S, &caller),
                     SES_CALLER_UNKNOWN);
    assert_null(caller);
    assert_int_equal(ses_callers_find_identity(callers, SES_CALLER_DNS, SES_STR("X.y"), NOW_S, &caller),
                     SES_CALLER_UNKNOWN);
    ses_callers_free(callers);
}

static void faults_name_line_and_remedy(void **state)
{
    (void)state;
    caller_expect_fault("", "1: must be a mapping");
    caller_expect_fault("callers: [\n", "2: ");
    caller_expect_fault("callers: []\n---\ncallers: []\n", "3: a second document in one file");
    caller_expect_fault("callers: x\n", "1: must be a list");
    caller_expect_fault("callers: &all\n  - *all\n", "1: must be a mapping");
    caller_expect_fault("keyed_by: KEYED\n", "1: callers: is missing");
    caller_expect_fault("callers: []\nkeys: 1\n", "2: keys: unknown key");
    caller_expect_fault("callers: []\ncallers: []\n", "2: callers: is given twice");
    caller_expect_fault("callers:\n  - x\n", "2: must be a mapping");
    caller_expect_fault("callers:\n  - name: a\n    tenants: [t]\n    rights: [create]\n    modes: [test]\n",
                        "2: merchants: is missing");
    caller_expect_fault("callers:\n" CALLER "    color: red\n", "7: color: unknown key");
    caller_expect_fault("callers:\n" CALLER "    modes: [live]\n", "7: modes: is given twice");
    caller_expect_fault("callers:\n  - name: A\n", "2: name: must be 1 to 64 characters");
    caller_expect_fault("callers:\n  - tenants: []\n", "2: must name at least one");
    caller_expect_fault("callers:\n  - tenants: [a, \"*\"]\n", "2: \"*\" stands for any");
    caller_expect_fault("callers:\n  - tenants: [\"\"]\n", "2: must be 1 to 128 bytes");
    caller_expect_fault("callers:\n  - rights: [create,\n      delete]\n", "3: rights: must be some of");
    caller_expect_fault("callers:\n  - rights: [create, create]\n", "2: rights: must be some of");
    caller_expect_fault("callers:\n  - modes: []\n", "2: modes: must be test, live or both");
    caller_expect_fault("callers:\n  - state: gone\n", "2: state: must be active or revoked");
    caller_expect_fault("callers:\n  - expires: tomorrow\n", "2: must be a time like");
    caller_expect_fault("callers:\n" CALLER "    keys:\n      - id: 1\n",
                        "8: id: must be 16 lower-case hex digits");
    caller_expect_fault("callers:\n" CALLER "    keys:\n      - id: \"0000000000000001\"\n",
                        "8: hash: is missing");
    caller_expect_fault("callers:\n" CALLER "    keys:\n      - hash: abc\n",
                        "8: hash: must be 43 characters");
    caller_expect_fault("callers:\n" CALLER "    keys:\n      - hash: sesskey_1\n",
                        "8: hash: is a key itself");
    caller_expect_fault("callers:\n" CALLER "    certificates:\n      - dns: a\n        uri: b\n",
                        "9: certificates: each entry must say one thing");
    caller_expect_fault("callers:\n" CALLER "    certificates:\n      - {}\n", "8: must say one of");
    caller_expect_fault("callers:\n" CALLER "    certificates:\n      - thumbprint: 00\n",
                        "8: thumbprint: must be 64 hex digits");
    caller_expect_fault("callers:\n" CALLER "    certificates:\n      - thumbprint: "
                        "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n",
                        "8: thumbprint: must be in lower case");
}

static void nothing_stands_twice(void **state)
{
    (void)state;
    caller_expect_fault("callers:\n" CALLER CALLER, "7: this name is given twice (first in line 2)");
    caller_expect_fault(HEAD CALLER KEYS "      - id: \"0000000000000001\"\n        hash: HASH2\n",
                        "11: this key id is given twice (first in line 9)");
    caller_expect_fault("callers:\n" CALLER "    certificates: [{dns: x}, {dns: x}]\n",
                        "7: this dns is given twice (first in line 7)");
}

static void hashes_of_another_key_are_refused(void **state)
{
    (void)state;
    caller_expect_fault("callers:\n" CALLER KEYS, "1: keyed_by: is missing");
    caller_expect_fault("\nkeyed_by: 0123456789abcdef\ncallers:\n" CALLER KEYS,
                        "2: keyed_by: the hashes were made with");
    ses_callers_free(caller_load("keyed_by: 0123456789abcdef\ncallers:\n" CALLER)); /* no hash is there */
}

/* A list longer than its limit, and the longest. */
static void lists_are_bounded(void **state)
{
    static char text[60000];
    int len;

    (void)state;
    for (unsigned count = SES_CALLER_PLACES_MAX; count <= SES_CALLER_PLACES_MAX + 1; count++) {
        len = snprintf(text, sizeof(text),
                       "callers:\n  - name: a\n    tenants: [t]\n    rights: [create]\n"
                       "    modes: [test]\n    merchants:\n");
        for (unsigned i = 0; i < count; i++)
            len += snprintf(text + len, sizeof(text) - (size_t)len, "      - m%u\n", i);
        if (count == SES_CALLER_PLACES_MAX)
            ses_callers_free(caller_load(text));
        else
            caller_expect_fault(text, "7: has 257 entries (at most 256)");
    }
}

/* deploy/callers.example.yaml is right, and shows every key. */
static void the_example_is_right(void **state)
{
    const char *source = getenv("SES_SOURCE_DIR");
    struct ses_callers *callers = NULL;
    struct ses_fault fault = {""};
    static char text[16384];
    char path[1024];
    FILE *in;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/deploy/callers.example.yaml", source == NULL ? "." : source);
    in = fopen(path, "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    assert_int_equal(fclose(in), 0);
    if (ses_callers_parse(path, ses_slice_str(text), NULL, &callers, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    assert_int_equal(ses_callers_count(callers), 2);
    assert_int_equal(ses_callers_at(callers, 0)->keys_count, 1);
    assert_int_equal(ses_callers_at(callers, 1)->certificates_count, SES_CALLER_IDENTITY_COUNT);
    ses_callers_free(callers);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caller_is_what_its_entry_says),
        cmocka_unit_test(only_the_whole_key_opens),
        cmocka_unit_test(states_of_key_and_caller),
        cmocka_unit_test(certificates_are_found_by_kind_and_value),
        cmocka_unit_test(faults_name_line_and_remedy),
        cmocka_unit_test(nothing_stands_twice),
        cmocka_unit_test(hashes_of_another_key_are_refused),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(the_example_is_right),
    };

    return cmocka_run_group_tests(tests, caller_group_setup, caller_group_teardown);
}
