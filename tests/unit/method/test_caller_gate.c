/* The gate by itself: what each head comes to, and that its end leaves nothing of a refused caller behind. */
#include "exchange/door.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>
#include <sessiond/caller/caller_key.h>
#include <sessiond/caller/callers_edit.h>
#include <sessiond/method/caller_gate.h>

#include "caller_check.h"

static const struct ses_slice shop = SES_STR_INIT("shop");
static const struct ses_slice tenant = SES_STR_INIT("t");

static struct {
    struct ses_secret hash_key;
    struct ses_caller_gate gate;
    struct ses_metrics metrics;
    struct ses_exchange_pool *pool;
    struct door door;
    struct ses_exchange *x;
    struct ses_error error;
    char key[SES_CALLER_KEY_SIZE];
} rig;

static int set_up(void **state)
{
    struct ses_caller_key key = {.id = 0};
    bool any = *state != NULL;
    struct ses_caller caller = {.name = SES_STR("shop"),
                                .tenants = {.any = any, .count = 1, .names = &tenant},
                                .merchants = {.any = any, .count = 1, .names = &shop},
                                .rights = SES_RIGHT_CREATE,
                                .modes = SES_CALLER_TEST,
                                .keys = &key,
                                .keys_count = 1};
    char keyed_by[SES_CALLER_KEYED_BY_SIZE];
    struct ses_fault fault = {""};
    struct ses_buf text;

    ses_random_init();
    memset(&rig, 0, sizeof(rig));
    assert_ok(ses_secret_new(32, &rig.hash_key));
    ses_caller_keyed_by(&rig.hash_key, keyed_by);
    ses_caller_key_make(rig.key);
    assert_ok(ses_caller_key_parse(ses_slice_str(rig.key), &key.id));
    ses_caller_key_hash(&rig.hash_key, ses_slice_str(rig.key), key.hash);
    ses_buf_init(&text, SES_CALLERS_FILE_MAX);
    assert_ok(ses_callers_edit_add(
        &(struct ses_callers_edit){.file = "f", .keyed_by = keyed_by, .fresh = &text}, &caller, &fault));
    assert_ok(ses_callers_parse("f", ses_buf_view(&text), keyed_by, &rig.gate.callers, &fault));
    ses_buf_done(&text);
    rig.gate.hash_key = &rig.hash_key;
    rig.gate.metrics = &rig.metrics;
    rig.pool = door_pool(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ses_exchange_pool_free(rig.pool);
    ses_callers_free(rig.gate.callers);
    ses_secret_free(&rig.hash_key);
    return 0;
}

/* One request with these headers, name and value in turn; NULL ends them. */
static enum ses_status admit(unsigned rights, const char *const *headers)
{
    static struct ses_route route = {.path = "/x", .metric = -1};
    enum ses_status status;

    route.rights = rights;
    rig.x = door_exchange(rig.pool, &rig.door, &route);
    for (; headers[0] != NULL; headers += 2)
        assert_ok(ses_exchange_add_header(rig.x, ses_slice_str(headers[0]), ses_slice_str(headers[1])));
    rig.error = (struct ses_error){.status = SES_OK};
    status = ses_caller_gate_admit(&rig.gate, rig.x, NULL, &rig.error);
    assert_int_equal(status, rig.error.status);
    return status;
}

#define ADMIT(rights, ...) admit((rights), (const char *const[]){__VA_ARGS__, NULL})

static void release(void)
{
    ses_exchange_release(rig.x);
}

static void a_caller_and_its_place_are_settled(void **state)
{
    char bearer[SES_CALLER_KEY_SIZE + 8];

    (void)state;
    (void)snprintf(bearer, sizeof(bearer), "Bearer %s", rig.key);
    assert_ok(ADMIT(SES_RIGHT_CREATE, "authorization", bearer));
    assert_slice_equal(rig.x->caller->name, "shop");
    assert_slice_equal(rig.x->tenant, "t");
    assert_slice_equal(rig.x->merchant, "shop");
    release();
    assert_ok(ADMIT(SES_RIGHT_CREATE, "x-api-key", rig.key, "x-merchant-id", "shop", "x-tenant-id", ""));
    assert_slice_equal(rig.x->tenant, "t");
    release();
    assert_int_equal(rig.metrics.callers[0].admitted, 2);
}

static void an_open_route_asks_nobody(void **state)
{
    (void)state;
    assert_ok(ADMIT(SES_RIGHTS_OPEN, "authorization", "Bearer nonsense"));
    assert_null(rig.x->caller);
    release();
}

/* Not even its name may count for what comes behind (limits, the log's tenant). */
static void a_refused_call_has_no_place(void **state)
{
    (void)state;
    assert_int_equal(ADMIT(SES_RIGHT_CREATE, "x-api-key", rig.key, "x-merchant-id", "other"),
                     SES_PERMISSION_DENIED);
    assert_int_equal(rig.x->merchant.len + rig.x->tenant.len, 0);
    release();
    assert_int_equal(ADMIT(SES_RIGHT_CONTINUE, "x-api-key", rig.key), SES_PERMISSION_DENIED);
    assert_string_equal(ses_reason_name(rig.error.reason), "CALLER_NOT_ALLOWED");
    assert_slice_equal(rig.error.metadata[0].key, "right");
    assert_slice_equal(rig.error.metadata[0].value, "continue");
    release();
    assert_int_equal(rig.metrics.callers[0].refused, 2);
}

/* Card data, maybe: the methods look at it before it is told to anybody. */
static void what_was_sent_is_not_taken_for_a_name(void **state)
{
    (void)state;
    assert_ok(ADMIT(SES_RIGHT_CREATE, "x-api-key", rig.key, "x-merchant-id", "4111111111111111",
                    "x-tenant-id", "t"));
    assert_non_null(rig.x->caller);
    assert_int_equal(rig.x->merchant.len + rig.x->tenant.len, 0);
    release();
    assert_int_equal(ADMIT(SES_RIGHT_CREATE, "x-api-key", rig.key, "x-tenant-id", "t"), SES_INVALID_ARGUMENT);
    release();
}

static int set_up_any(void **state)
{
    *state = &rig;
    return set_up(state);
}

static void what_is_no_credential_of_ours(void **state)
{
    (void)state;
    assert_int_equal(ADMIT(SES_RIGHT_CREATE, "x-api-key", "sk_test_x"), SES_UNAUTHENTICATED);
    assert_string_equal(ses_reason_name(rig.error.reason), "CALLER_REQUIRED");
    assert_slice_equal(rig.x->reply_headers[0].name, "www-authenticate");
    release();
    assert_int_equal(ADMIT(SES_RIGHT_CREATE, "authorization", "", "x-api-key", ""), SES_UNAUTHENTICATED);
    assert_string_equal(ses_reason_name(rig.error.reason), "CALLER_REQUIRED");
    release();
    assert_int_equal(ADMIT(SES_RIGHT_CREATE, "authorization", rig.key), SES_UNAUTHENTICATED);
    assert_string_equal(ses_reason_name(rig.error.reason), "CALLER_UNKNOWN");
    release();
    assert_int_equal(ADMIT(SES_RIGHT_CREATE, "authorization", "Digest x"), SES_UNAUTHENTICATED);
    assert_string_equal(ses_reason_name(rig.error.reason), "CALLER_UNKNOWN");
    release();
}

static void two_credentials(void **state)
{
    (void)state;
    assert_int_equal(ADMIT(SES_RIGHT_CREATE, "authorization", "Bearer x", "x-api-key", rig.key),
                     SES_UNAUTHENTICATED);
    assert_string_equal(ses_reason_name(rig.error.reason), "CALLER_AMBIGUOUS");
    release();
    assert_int_equal(ADMIT(SES_RIGHT_CREATE, "x-api-key", rig.key, "x-api-key", rig.key),
                     SES_UNAUTHENTICATED);
    assert_string_equal(ses_reason_name(rig.error.reason), "CALLER_AMBIGUOUS");
    release();
    assert_ok(ADMIT(SES_RIGHT_CREATE, "x-api-key", "a connector's", "x-api-key", rig.key));
    release();
}

static void the_methods_ask_for_mode_and_right(void **state)
{
    (void)state;
    assert_ok(ADMIT(SES_RIGHT_CREATE, "x-api-key", rig.key));
    assert_ok(ses_caller_check(rig.x, SES_RIGHT_CREATE, true, &rig.error));
    assert_int_equal(ses_caller_check(rig.x, SES_RIGHT_WEBHOOK, false, &rig.error), SES_PERMISSION_DENIED);
    assert_int_equal(rig.error.metadata_count, 2);
    rig.x->caller = NULL;
    assert_ok(ses_caller_check(rig.x, SES_RIGHT_WEBHOOK, false, &rig.error));
    release();
}

int main(void)
{
#define GATE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        GATE(a_caller_and_its_place_are_settled),
        GATE(an_open_route_asks_nobody),
        GATE(a_refused_call_has_no_place),
        GATE(what_is_no_credential_of_ours),
        cmocka_unit_test_setup_teardown(what_was_sent_is_not_taken_for_a_name, set_up_any, tear_down),
        GATE(two_credentials),
        GATE(the_methods_ask_for_mode_and_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
