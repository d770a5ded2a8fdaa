/* What a reload takes away is taken from those who still have it, and nothing else. */
#include "caller_fixture.h"

#include <sessiond/caller/withdrawn.h>

#define CALLER(name)                                                                                         \
    "  - name: " name "\n    tenants: [t]\n    merchants: [m]\n    rights: [create]\n    modes: [test]\n"
#define KEY(n)   "      - id: \"000000000000000" n "\"\n        hash: HASH" n "\n"
#define HEAD     "keyed_by: KEYED\ncallers:\n"
#define CERT     "    certificates: [{dns: x.y}, {dns: z}]\n"
#define THE_FILE HEAD CALLER("a") CERT "    keys:\n" KEY("1") KEY("2") CALLER("b") "    keys:\n" KEY("3")

static struct ses_withdrawn *withdrawn;

static enum ses_caller_verdict key(struct ses_callers *callers, uint64_t id)
{
    const struct ses_caller *caller;

    return ses_callers_find_key(callers, &caller_hash_key, ses_slice_str(caller_key(id)), NOW_S, &caller);
}

static enum ses_caller_verdict dns(struct ses_callers *callers, const char *name)
{
    const struct ses_caller *caller;

    return ses_callers_find_identity(callers, SES_CALLER_DNS, ses_slice_str(name), NOW_S, &caller);
}

/* A worker of before, and the file that a reload has read. */
static struct ses_callers *after(const char *fresh_text)
{
    struct ses_callers *worker = caller_load(THE_FILE);
    struct ses_callers *old = caller_load(THE_FILE);
    struct ses_callers *fresh = caller_load(fresh_text);

    ses_callers_watch(worker, withdrawn);
    ses_callers_follow(worker);
    assert_int_equal(key(worker, 1), SES_CALLER_KNOWN);
    ses_withdrawn_add(withdrawn, old, fresh);
    ses_callers_follow(worker);
    ses_callers_free(old);
    ses_callers_free(fresh);
    return worker;
}

static void expect(const char *fresh, enum ses_caller_verdict one, enum ses_caller_verdict two,
                   enum ses_caller_verdict three, enum ses_caller_verdict xy)
{
    struct ses_callers *worker = after(fresh);

    assert_int_equal(key(worker, 1), one);
    assert_int_equal(key(worker, 2), two);
    assert_int_equal(key(worker, 3), three);
    assert_int_equal(dns(worker, "x.y"), xy);
    ses_callers_free(worker);
}

static void what_is_gone_or_revoked_is_struck_out(void **state)
{
    (void)state;
    expect(THE_FILE, SES_CALLER_KNOWN, SES_CALLER_KNOWN, SES_CALLER_KNOWN, SES_CALLER_KNOWN);
    expect(HEAD CALLER("a") CERT "    keys:\n" KEY("1") "        state: revoked\n" KEY("2")
               CALLER("b") "    keys:\n" KEY("3"),
           SES_CALLER_REVOKED, SES_CALLER_KNOWN, SES_CALLER_KNOWN, SES_CALLER_KNOWN);
    expect(HEAD CALLER("a") CERT "    keys:\n" KEY("1") CALLER("b") "    keys:\n" KEY("3"), SES_CALLER_KNOWN,
           SES_CALLER_REVOKED, SES_CALLER_KNOWN, SES_CALLER_KNOWN);
    expect(HEAD CALLER("a") CERT "    state: revoked\n    keys:\n" KEY("1") KEY("2")
               CALLER("b") "    keys:\n" KEY("3"),
           SES_CALLER_REVOKED, SES_CALLER_REVOKED, SES_CALLER_KNOWN, SES_CALLER_REVOKED);
    expect(HEAD CALLER("b") "    keys:\n" KEY("3"), SES_CALLER_REVOKED, SES_CALLER_REVOKED, SES_CALLER_KNOWN,
           SES_CALLER_REVOKED);
    expect(HEAD CALLER("a") "    certificates: [{dns: z}]\n    keys:\n" KEY("1") KEY("2")
               CALLER("b") "    keys:\n" KEY("3"),
           SES_CALLER_KNOWN, SES_CALLER_KNOWN, SES_CALLER_KNOWN, SES_CALLER_REVOKED);
}

/* The same id with another secret, or with another caller, is another key. */
static void what_became_anothers_is_struck_out(void **state)
{
    (void)state;
    expect(HEAD CALLER("a") CERT "    keys:\n" KEY("1") CALLER("b") "    keys:\n" KEY("3") KEY("2"),
           SES_CALLER_KNOWN, SES_CALLER_REVOKED, SES_CALLER_KNOWN, SES_CALLER_KNOWN);
    expect(HEAD CALLER("a") CERT
           "    keys:\n" KEY("1") "      - id: \"0000000000000002\"\n        hash: HASH9\n" CALLER(
               "b") "    keys:\n" KEY("3"),
           SES_CALLER_KNOWN, SES_CALLER_REVOKED, SES_CALLER_KNOWN, SES_CALLER_KNOWN);
    expect(HEAD CALLER("a") CALLER("b") CERT "    keys:\n" KEY("3"), SES_CALLER_REVOKED, SES_CALLER_REVOKED,
           SES_CALLER_KNOWN, SES_CALLER_REVOKED);
}

/* Those of the file that took it away know it already, whatever is in the ring. */
static void who_comes_later_follows_what_comes_later(void **state)
{
    struct ses_callers *later;

    (void)state;
    ses_callers_free(after(HEAD CALLER("a")));
    later = caller_load(THE_FILE);
    ses_callers_watch(later, withdrawn);
    ses_callers_follow(later);
    assert_int_equal(key(later, 1), SES_CALLER_KNOWN);
    ses_callers_free(later);
}

static void who_has_lost_count_believes_nobody(void **state)
{
    struct ses_callers *worker = caller_load(THE_FILE);
    struct ses_callers *old = caller_load(HEAD CALLER("x"));
    struct ses_callers *fresh = caller_load(HEAD CALLER("y"));

    (void)state;
    ses_callers_watch(worker, withdrawn);
    for (unsigned i = 0; i < SES_WITHDRAWN_MAX; i++)
        ses_withdrawn_add(withdrawn, old, fresh);
    ses_callers_follow(worker);
    assert_int_equal(key(worker, 1), SES_CALLER_KNOWN);
    for (unsigned i = 0; i < SES_WITHDRAWN_MAX + 1; i++)
        ses_withdrawn_add(withdrawn, old, fresh);
    ses_callers_follow(worker);
    assert_int_equal(key(worker, 1), SES_CALLER_REVOKED);
    assert_int_equal(key(worker, 3), SES_CALLER_REVOKED);
    ses_callers_free(worker);
    ses_callers_free(old);
    ses_callers_free(fresh);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_gone_or_revoked_is_struck_out),
        cmocka_unit_test(what_became_anothers_is_struck_out),
        cmocka_unit_test(who_comes_later_follows_what_comes_later),
        cmocka_unit_test(who_has_lost_count_believes_nobody),
    };
    int failed;

    int fd;

    assert_ok(ses_withdrawn_new(&fd, &withdrawn));
    assert_int_equal(close(fd), 0); /* the mapping holds the memory */
    failed = cmocka_run_group_tests(tests, caller_group_setup, caller_group_teardown);
    ses_withdrawn_free(withdrawn);
    return failed;
}
