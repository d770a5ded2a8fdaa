/* The gate: which request is counted where, what is told when it is refused, and that everything is given back. The
 * moments are those of the exchanges; no clock is looked at. */
#include <sessiond/admission/admission.h>

#include <stdio.h>

#include <sessiond/base/units.h>
#include <sessiond/caller/callers.h>

#include "exchange/door.h"
#include "refusal.h"
#include "unit_clock.h"

#define START_NS (1000 * SES_NS_PER_S)
#define HELD_MAX 1000

static void begin_nothing(struct ses_exchange *x, void *arg)
{
    (void)x;
    (void)arg;
}

static const struct ses_route create = {
    .path = "/t.S/Create", .rights = SES_RIGHT_CREATE, .metric = -1, .start = begin_nothing};
static const struct ses_route proceed = {
    .path = "/t.S/Get", .rights = SES_RIGHT_CONTINUE, .metric = -1, .start = begin_nothing};
static const struct ses_route watch = {.path = "/t.S/Watch",
                                       .kind = SES_ROUTE_SERVER_STREAM,
                                       .rights = SES_RIGHT_CONTINUE,
                                       .metric = -1,
                                       .start = begin_nothing};
static const struct ses_route health = {
    .path = "/health", .kind = SES_ROUTE_PLAIN, .metric = -1, .start = begin_nothing};
static const struct ses_route browser = {
    .path = "/r/", .kind = SES_ROUTE_PLAIN, .metric = -1, .start = begin_nothing};

static struct ses_admission_options options;
static struct ses_admission *admission;
static struct ses_exchange_pool *pool;
static struct ses_metrics metrics;
static struct door door;
static struct ses_error error;
static struct ses_exchange *held[HELD_MAX];
static unsigned held_count;
static uint64_t now_ns;
static uint64_t deadline_ms;

static int setup(void **state)
{
    (void)state;
    ses_random_init();
    unit_clock_stop_at(START_NS / SES_NS_PER_MS);
    memset(&metrics, 0, sizeof(metrics));
    memset(&options, 0, sizeof(options));
    options.metrics = &metrics;
    assert_ok(ses_rates_new(&options.rates));
    pool = door_pool(0);
    now_ns = START_NS;
    deadline_ms = 30000;
    held_count = 0;
    return 0;
}

static void end(unsigned i)
{
    ses_exchange_release(held[i]);
    held[i] = NULL;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < held_count; i++) {
        if (held[i] != NULL)
            end(i);
    }
    ses_admission_free(admission);
    admission = NULL;
    ses_exchange_pool_free(pool);
    ses_rates_free(options.rates);
    return 0;
}

static void begin(struct ses_admission_limits limits)
{
    options.limits = limits;
    assert_ok(ses_admission_new(&options, &admission));
}

static struct ses_exchange *request(const struct ses_route *route, const char *path, const char *merchant)
{
    struct ses_exchange *x = door_exchange(pool, &door, route);

    x->path = ses_slice_str(path);
    x->started_mono_ns = now_ns;
    x->deadline_mono_ns = now_ns + deadline_ms * SES_NS_PER_MS;
    if (merchant != NULL) {
        assert_ok(ses_exchange_add_header(x, SES_STR("x-tenant-id"), SES_STR("tenant")));
        assert_ok(ses_exchange_add_header(x, SES_STR("x-merchant-id"), ses_slice_str(merchant)));
    }
    return x;
}

/* true: it came in, and is held. */
static bool call_at(const struct ses_route *route, const char *path, const char *merchant)
{
    struct ses_gate gate = ses_admission_gate(admission);
    struct ses_exchange *x = request(route, path, merchant);

    memset(&error, 0, sizeof(error));
    if (gate.admit(gate.arg, x, NULL, &error) != SES_OK) {
        assert_int_equal(error.status, SES_RESOURCE_EXHAUSTED);
        assert_true(error.retry_delay_ms > 0);
        ses_exchange_release(x);
        return false;
    }
    assert_true(held_count < HELD_MAX);
    held[held_count++] = x;
    ses_exchange_start(x);
    return true;
}

static bool call(const struct ses_route *route, const char *merchant)
{
    return call_at(route, route->path, merchant);
}

static void expect_refusal(const char *reason, const char *scope)
{
    assert_string_equal(ses_reason_name(error.reason), reason);
    assert_int_equal(error.metadata_count, 1);
    assert_true(ses_slice_eq_str(error.metadata[0].key, "scope"));
    assert_true(ses_slice_eq_str(error.metadata[0].value, scope));
}

static void test_no_limits(void **state)
{
    (void)state;
    begin((struct ses_admission_limits){0});
    for (int i = 0; i < 500; i++)
        assert_true(call(&create, "a"));
}

static void test_merchant_rate(void **state)
{
    (void)state;
    begin((struct ses_admission_limits){.merchant_rate = 10, .merchant_burst = 2});
    assert_true(call(&create, "a"));
    assert_true(call(&proceed, "a"));
    assert_false(call(&create, "a"));
    expect_refusal("RATE_LIMITED", "merchant");
    assert_true(error.retry_delay_ms >= 100 && error.retry_delay_ms <= 200);
    assert_true(call(&create, "b"));
    /* Streams too, and from then on it is the same again. */
    assert_false(call(&watch, "a"));
    now_ns += 100 * SES_NS_PER_MS;
    assert_true(call(&watch, "a"));
    assert_false(call(&create, "a"));
    assert_int_equal(metrics.family[SES_CELL_CREATIONS], 2);
    assert_int_equal(metrics.family[SES_CELL_CONTINUATIONS], 2);
}

static void test_callers(void **state)
{
    static const struct ses_caller checkout = {.name = SES_STR_INIT("checkout")};
    struct ses_gate gate;
    struct ses_exchange *x;

    (void)state;
    begin((struct ses_admission_limits){.caller_rate = 1, .caller_burst = 3, .caller_calls = 2});
    gate = ses_admission_gate(admission);
    for (int i = 0; i < 4; i++) {
        x = request(&create, "/", i % 2 == 0 ? "a" : "b");
        x->caller = &checkout;
        memset(&error, 0, sizeof(error));
        if (gate.admit(gate.arg, x, NULL, &error) == SES_OK) {
            held[held_count++] = x;
            continue;
        }
        expect_refusal("TOO_MANY_CONCURRENT", "caller");
        ses_exchange_release(x);
    }
    assert_int_equal(held_count, 2);
    end(0);
    end(1);
    /* The two that were refused were given back: one is left of three. */
    for (int i = 0; i < 2; i++) {
        x = request(&create, "/", "c");
        x->caller = &checkout;
        assert_int_equal(gate.admit(gate.arg, x, NULL, &error), i == 0 ? SES_OK : SES_RESOURCE_EXHAUSTED);
        held[held_count++] = x;
    }
    assert_string_equal(ses_reason_name(error.reason), "RATE_LIMITED");
    assert_true(call(&create, "a")); /* of nobody that is known */
}

/* The names that the gate of the callers has settled win over what headers say. */
static void test_settled_names(void **state)
{
    struct ses_gate gate;
    struct ses_exchange *x;

    (void)state;
    begin((struct ses_admission_limits){.merchant_rate = 1, .merchant_burst = 1});
    gate = ses_admission_gate(admission);
    assert_true(call(&create, "a"));
    x = request(&create, "/", "a");
    x->tenant = SES_STR("tenant");
    x->merchant = SES_STR("b");
    assert_ok(gate.admit(gate.arg, x, NULL, &error));
    held[held_count++] = x;
    assert_false(call(&create, "b"));
}

static void test_server_rate_gives_back(void **state)
{
    (void)state;
    begin((struct ses_admission_limits){
        .merchant_rate = 1, .merchant_burst = 5, .server_rate = 1, .server_burst = 1});
    assert_true(call(&create, "a"));
    for (int i = 0; i < 10; i++) {
        assert_false(call(&create, "b"));
        expect_refusal("RATE_LIMITED", "server");
    }
    /* None of that was counted for b. */
    for (int i = 0; i < 5; i++) {
        now_ns += SES_NS_PER_S;
        assert_true(call(&create, "b"));
    }
}

static void test_calls_in_progress(void **state)
{
    (void)state;
    begin((struct ses_admission_limits){.merchant_calls = 2});
    assert_true(call(&create, "a"));
    assert_true(call(&proceed, "a"));
    assert_false(call(&proceed, "a"));
    expect_refusal("TOO_MANY_CONCURRENT", "merchant");
    assert_true(call(&create, "b"));
    ses_exchange_waits(held[0]);
    ses_exchange_waits(held[0]); /* once */
    assert_false(call(&create, "a"));
    end(0);
    assert_true(call(&create, "a"));
    assert_false(call(&create, "a"));
    /* Streams are not counted here: they last. */
    assert_true(call(&watch, "a"));
}

/* From an address; NULL: a proxy's, which has not told whose call it is. */
static bool call_from(const struct ses_route *route, const char *address)
{
    struct ses_gate gate = ses_admission_gate(admission);
    struct ses_exchange *x = request(route, route->path, address);

    if (address != NULL)
        assert_ok(ses_ip_parse(ses_slice_str(address), &x->source));
    x->source_known = address != NULL;
    memset(&error, 0, sizeof(error));
    if (gate.admit(gate.arg, x, NULL, &error) == SES_OK) {
        held[held_count++] = x;
        return true;
    }
    expect_refusal("TOO_MANY_CONCURRENT", "address");
    assert_true(error.retry_delay_ms > 0);
    ses_exchange_release(x);
    return false;
}

static void test_calls_of_one_address(void **state)
{
    (void)state;
    begin((struct ses_admission_limits){.source_calls = 2});
    assert_true(call_from(&create, "192.0.2.1"));
    assert_true(call_from(&proceed, "192.0.2.1"));
    assert_false(call_from(&proceed, "192.0.2.1"));
    assert_int_equal(metrics.family[SES_CELL_CONTINUATIONS + SES_REFUSAL_SOURCE_CALLS], 1);
    assert_true(call_from(&create, "192.0.2.2"));
    end(0);
    assert_true(call_from(&create, "192.0.2.1"));
    assert_false(call_from(&create, "192.0.2.1"));
    /* A /64 is one. */
    assert_true(call_from(&create, "2001:db8:1:2::1"));
    assert_true(call_from(&create, "2001:db8:1:2:ffff::2"));
    assert_false(call_from(&create, "2001:db8:1:2::3"));
    assert_true(call_from(&create, "2001:db8:1:3::1"));
    /* A proxy's calls that name nobody are no one client's, and streams last. */
    for (int i = 0; i < 5; i++) {
        assert_true(call_from(&create, NULL));
        assert_true(call_from(&watch, "192.0.2.1"));
    }
}

static void test_open_to_everybody(void **state)
{
    (void)state;
    begin((struct ses_admission_limits){
        .server_rate = 1, .server_burst = 1, .merchant_rate = 1, .merchant_burst = 1});
    assert_true(call(&create, "a"));
    for (int i = 0; i < 10; i++)
        assert_true(call(&health, NULL));
    /* A browser is no merchant, but the server's rate is for all. */
    assert_false(call_at(&browser, "/r/abc", NULL));
    expect_refusal("RATE_LIMITED", "server");
    now_ns += SES_NS_PER_S;
    assert_true(call_at(&browser, "/r/abc", NULL));
}

/* So many calls of a turn, which end in it or in a later one. */
static void turn(unsigned ms)
{
    now_ns += ms * SES_NS_PER_MS;
    ses_admission_turn(admission, now_ns);
}

static void fill(unsigned count, const char *merchant)
{
    for (unsigned i = 0; i < count; i++)
        assert_true(call(&create, merchant));
}

/* A hundred in progress, of which ten end in each window of 50 ms: half a second's worth of queue. */
static void make_queue(unsigned windows)
{
    unsigned oldest = 0;

    fill(100, "a");
    for (unsigned i = 0; i < windows; i++) {
        for (unsigned n = 0; n < 10; n++)
            end(oldest++);
        turn(50);
        for (unsigned n = 0; n < 10; n++)
            (void)call(&create, "a");
    }
}

static void test_deadline(void **state)
{
    (void)state;
    begin((struct ses_admission_limits){0});
    make_queue(20);
    deadline_ms = 200;
    assert_false(call(&create, "b"));
    expect_refusal("OVERLOADED", "deadline");
    assert_true(error.retry_delay_ms >= 400);
    deadline_ms = 1000;
    assert_true(call(&create, "b"));
    /* What is open to everybody has all the time. */
    deadline_ms = 1;
    assert_true(call(&health, NULL));
}

/* Thousands of requests whose bodies do not come are their clients' business, and end without ever having begun. */
static void test_bodies_that_do_not_come(void **state)
{
    struct ses_gate gate;

    (void)state;
    begin((struct ses_admission_limits){.overload_ms = 100});
    gate = ses_admission_gate(admission);
    for (int i = 0; i < 500; i++) {
        held[held_count] = request(&create, "/", "a");
        assert_ok(gate.admit(gate.arg, held[held_count++], NULL, &error));
    }
    for (int window = 0; window < 40; window++)
        turn(50);
    assert_int_equal(metrics.counter[SES_C_SHEDDING], 0);
    deadline_ms = 100;
    assert_true(call(&create, "b"));
    for (unsigned i = 0; i < 500; i++)
        end(i);
    fill(100, "b");
}

/* A queue above the target: creations of the one who makes it are refused, of others and continuations are not. */
static void test_overload(void **state)
{
    unsigned refused = 0;

    (void)state;
    begin((struct ses_admission_limits){.overload_ms = 100});
    make_queue(12);
    assert_int_equal(metrics.counter[SES_C_SHEDDING], 1);
    refused = (unsigned)metrics.family[SES_CELL_CREATIONS + SES_REFUSAL_SHARE];
    for (int window = 0; window < 20; window++) {
        for (int i = 0; i < 20; i++)
            refused += call(&create, "a") ? 0 : 1;
        if (window < 5)
            continue; /* as long as it takes to know who asks for how much */
        assert_true(call(&create, "b"));
        assert_true(call(&proceed, "a"));
        assert_true(call(&proceed, "b"));
        end(held_count - 3);
        end(held_count - 2);
        end(held_count - 1);
        turn(50);
    }
    assert_true(refused > 200);
    assert_int_equal(metrics.family[SES_CELL_CREATIONS + SES_REFUSAL_SHARE], refused);
    /* All of it ends: calm again, after a while without a refusal. */
    for (unsigned i = 0; i < held_count; i++) {
        if (held[i] != NULL)
            end(i);
    }
    for (int window = 0; window < 40; window++)
        turn(50);
    assert_int_equal(metrics.counter[SES_C_SHEDDING], 0);
    fill(50, "a");
}

/* Read in a turn that has lasted for seconds already. */
static void test_late(void **state)
{
    (void)state;
    begin((struct ses_admission_limits){.overload_ms = 100});
    assert_true(call(&create, "a"));
    now_ns += 401 * SES_NS_PER_MS;
    assert_false(call(&create, "b"));
    expect_refusal("OVERLOADED", "server");
    assert_true(call(&proceed, "b"));
    turn(1);
    assert_true(call(&create, "b"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_limits),
        TEST(test_merchant_rate),
        TEST(test_callers),
        TEST(test_settled_names),
        TEST(test_server_rate_gives_back),
        TEST(test_calls_in_progress),
        TEST(test_calls_of_one_address),
        TEST(test_open_to_everybody),
        TEST(test_deadline),
        TEST(test_bodies_that_do_not_come),
        TEST(test_overload),
        TEST(test_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
