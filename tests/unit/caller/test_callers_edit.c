/* Changes of a callers file leave all else in it as it is, or do not happen. */
#include "caller_fixture.h"

#include <sessiond/caller/callers_edit.h>

#define CALLER(name)                                                                                         \
    "  - name: " name "\n    tenants: [t]\n    merchants: [m]\n    rights: [create]\n    modes: [test]\n"
#define KEY1                                                                                                 \
    "    keys: # of the shop\n      # the old one\n      - id: \"0000000000000001\"\n        hash: HASH1\n"
#define FILE                                                                                                 \
    "# by hand\nkeyed_by: KEYED\ncallers:\n" CALLER("a") "    state: active  # ticket 17\n" KEY1 CALLER(     \
        "b") "\n# the end\n"

static struct ses_buf fresh;
static char old[8192];

static struct ses_callers_edit edit_of(const char *text)
{
    ses_buf_done(&fresh);
    ses_buf_init(&fresh, SES_CALLERS_FILE_MAX);
    (void)snprintf(old, sizeof(old), "%s", caller_text(text));
    return (struct ses_callers_edit){
        .file = "callers.yaml", .keyed_by = caller_keyed_by, .old = ses_slice_str(old), .fresh = &fresh};
}

static struct ses_caller_key key_of(uint64_t id)
{
    struct ses_caller_key key = {.id = id, .created_s = NOW_S, .expires_s = NOW_S + 1};

    ses_caller_key_hash(&caller_hash_key, ses_slice_str(caller_key(id)), key.hash);
    return key;
}

static struct ses_callers *result(void)
{
    struct ses_callers *callers = NULL;
    struct ses_fault fault = {""};

    if (ses_callers_parse("new", ses_buf_view(&fresh), caller_keyed_by, &callers, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    return callers;
}

/* Lines of the old text that the new one has not, in order: what a diff would take away. */
static unsigned lines_lost(void)
{
    struct ses_slice was = ses_slice_str(old);
    struct ses_slice is = ses_buf_view(&fresh);
    unsigned lost = 0;

    while (was.len > 0) {
        struct ses_slice line = ses_slice_take_until(&was, '\n');
        struct ses_slice rest = is;
        bool there = false;

        while (rest.len > 0 && !there)
            there = ses_slice_eq(ses_slice_take_until(&rest, '\n'), line);
        if (there)
            is = rest;
        lost += !there;
    }
    return lost;
}

static const struct ses_slice place = SES_STR_INIT("m \"1\" \\ *");

static struct ses_caller new_caller(struct ses_caller_key *key)
{
    return (struct ses_caller){.name = SES_STR("new"),
                               .tenants = {.any = true},
                               .merchants = {.count = 1, .names = &place},
                               .rights = SES_RIGHT_CREATE | SES_RIGHT_OPERATE,
                               .modes = SES_CALLER_LIVE,
                               .created_s = NOW_S,
                               .keys = key,
                               .keys_count = 1};
}

static void the_first_caller_makes_the_file(void **state)
{
    struct ses_callers_edit edit = edit_of("");
    struct ses_caller_key key = key_of(2);
    struct ses_caller caller = new_caller(&key);
    struct ses_fault fault = {""};
    struct ses_callers *callers;
    const struct ses_caller *read;

    (void)state;
    assert_ok(ses_callers_edit_add(&edit, &caller, &fault));
    callers = result();
    read = ses_callers_find(callers, SES_STR("new"));
    assert_true(read->tenants.any);
    assert_true(ses_slice_eq(read->merchants.names[0], place));
    assert_int_equal(read->rights, caller.rights);
    assert_int_equal(read->created_s, NOW_S);
    assert_int_equal(read->expires_s, 0);
    assert_int_equal(read->keys[0].expires_s, NOW_S + 1);
    assert_int_equal(
        ses_callers_find_key(callers, &caller_hash_key, ses_slice_str(caller_key(2)), NOW_S, &read),
        SES_CALLER_KNOWN);
    ses_callers_free(callers);
}

static void a_caller_more_takes_nothing_away(void **state)
{
    struct ses_callers_edit edit = edit_of(FILE);
    struct ses_caller_key key = key_of(2);
    struct ses_caller caller = new_caller(&key);
    struct ses_fault fault = {""};

    (void)state;
    assert_ok(ses_callers_edit_add(&edit, &caller, &fault));
    assert_int_equal(lines_lost(), 0);
    caller.name = SES_STR("b");
    assert_int_equal(ses_callers_edit_add(&edit, &caller, &fault), SES_ALREADY_EXISTS);
    assert_string_equal(fault.text, "callers.yaml:14: there is a caller b already");
}

static void a_key_more_goes_to_its_caller(void **state)
{
    static const char *const names[] = {"a", "b"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct ses_callers_edit edit = edit_of(FILE);
        struct ses_caller_key key = key_of(2);
        struct ses_fault fault = {""};
        const struct ses_caller *found = NULL;
        struct ses_callers *callers;

        assert_ok(ses_callers_edit_add_key(&edit, ses_slice_str(names[i]), &key, &fault));
        assert_int_equal(lines_lost(), 0);
        callers = result();
        assert_int_equal(
            ses_callers_find_key(callers, &caller_hash_key, ses_slice_str(caller_key(2)), NOW_S, &found),
            SES_CALLER_KNOWN);
        assert_true(ses_slice_eq_str(found->name, names[i]));
        ses_callers_free(callers);
    }
}

static void a_caller_is_revoked_by_one_word(void **state)
{
    struct ses_callers_edit edit = edit_of(FILE);
    struct ses_fault fault = {""};
    struct ses_callers *callers;

    (void)state;
    assert_ok(ses_callers_edit_revoke(&edit, SES_STR("a"), NULL, &fault));
    assert_int_equal(lines_lost(), 1);
    assert_non_null(memmem(fresh.data, fresh.len, "    state: revoked  # ticket 17\n", 32));
    callers = result();
    assert_true(ses_callers_find(callers, SES_STR("a"))->revoked);
    assert_false(ses_callers_find(callers, SES_STR("b"))->revoked);
    ses_callers_free(callers);
}

static void a_state_that_is_not_said_is_added(void **state)
{
    struct ses_callers_edit edit = edit_of(FILE);
    struct ses_fault fault = {""};
    struct ses_callers *callers;
    uint64_t id = 1;

    (void)state;
    assert_ok(ses_callers_edit_revoke(&edit, SES_STR("b"), NULL, &fault));
    assert_int_equal(lines_lost(), 0);
    edit = edit_of(FILE);
    assert_ok(ses_callers_edit_revoke(&edit, SES_STR("a"), &id, &fault));
    assert_int_equal(lines_lost(), 0);
    callers = result();
    assert_true(ses_callers_find(callers, SES_STR("a"))->keys[0].revoked);
    assert_false(ses_callers_find(callers, SES_STR("a"))->revoked);
    ses_callers_free(callers);
}

static void what_is_not_there_is_told(void **state)
{
    struct ses_callers_edit edit = edit_of(FILE);
    struct ses_caller_key key = key_of(2);
    struct ses_fault fault = {""};
    uint64_t id = 9;

    (void)state;
    assert_int_equal(ses_callers_edit_revoke(&edit, SES_STR("c"), NULL, &fault), SES_NOT_FOUND);
    assert_int_equal(ses_callers_edit_revoke(&edit, SES_STR("a"), &id, &fault), SES_NOT_FOUND);
    assert_int_equal(ses_callers_edit_add_key(&edit, SES_STR("c"), &key, &fault), SES_NOT_FOUND);
    edit = edit_of("");
    assert_int_equal(ses_callers_edit_revoke(&edit, SES_STR("a"), NULL, &fault), SES_NOT_FOUND);
    edit = edit_of("callers: x\n");
    assert_int_equal(ses_callers_edit_revoke(&edit, SES_STR("a"), NULL, &fault), SES_MALFORMED);
    edit = edit_of("keyed_by: KEYED\ncallers:\n" CALLER("a") "    state: revoked\n");
    assert_int_equal(ses_callers_edit_add_key(&edit, SES_STR("a"), &key, &fault), SES_FAILED_PRECONDITION);
}

/* Flow style, or a key behind the list: the text that would be made is not the file that was meant. */
static void another_layout_is_for_hands(void **state)
{
    static const char *const texts[] = {
        "{keyed_by: KEYED, callers: [{name: a, tenants: [t], merchants: [m], rights: [create], modes: [test]}]}\n",
        "callers:\n" CALLER("a") "keyed_by: KEYED\n",
        "keyed_by: KEYED\ncallers: []\n",
    };
    struct ses_caller_key key = key_of(2);
    struct ses_caller caller = new_caller(&key);

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ses_callers_edit edit = edit_of(texts[i]);
        struct ses_fault fault = {""};

        assert_int_equal(ses_callers_edit_add(&edit, &caller, &fault), SES_FAILED_PRECONDITION);
        assert_non_null(strstr(fault.text, "can only be edited by hand"));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_caller_makes_the_file),
        cmocka_unit_test(a_caller_more_takes_nothing_away),
        cmocka_unit_test(a_key_more_goes_to_its_caller),
        cmocka_unit_test(a_caller_is_revoked_by_one_word),
        cmocka_unit_test(a_state_that_is_not_said_is_added),
        cmocka_unit_test(what_is_not_there_is_told),
        cmocka_unit_test(another_layout_is_for_hands),
    };
    int failed = cmocka_run_group_tests(tests, caller_group_setup, caller_group_teardown);

    ses_buf_done(&fresh);
    return failed;
}
