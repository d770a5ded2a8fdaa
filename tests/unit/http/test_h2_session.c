#include "http/h2_rig.h"

/* An engine's session when there is no memory, whoever gives it. */

static unsigned allocations_left;
static nghttp2_mem real_memory;

/* What an engine that ran out of memory leaves behind (h2_session.c) is meant to stay. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void count_leaks(bool count)
{
    if (__lsan_disable == NULL)
        return;
    if (count)
        __lsan_enable();
    else
        __lsan_disable();
}

static void *failing_malloc(size_t size, void *arg)
{
    return allocations_left == 0 ? NULL : (allocations_left--, real_memory.malloc(size, arg));
}

static void *failing_calloc(size_t count, size_t size, void *arg)
{
    return allocations_left == 0 ? NULL : (allocations_left--, real_memory.calloc(count, size, arg));
}

static void *failing_realloc(void *bytes, size_t size, void *arg)
{
    return allocations_left == 0 ? NULL : (allocations_left--, real_memory.realloc(bytes, size, arg));
}

/* nghttp2's n-th allocation fails, for every n that two calls, a stream and a drain need. */
static void any_allocation_may_fail(void **state)
{
    bool complete = false;

    (void)state;
    for (unsigned n = 0; n < 1000 && !complete; n++) {
        rig_reopen(NULL);
        rig_lose_connection();
        nghttp2_mem *memory = &rig.doors->h2->memory;

        real_memory = *memory;
        memory->malloc = failing_malloc;
        memory->calloc = failing_calloc;
        memory->realloc = failing_realloc;
        allocations_left = n;
        rig_client(0, false);
        count_leaks(false);
        enum ses_status status = ses_h2_new(rig.doors->h2, &rig_io, NULL, "peer", &rig.h2);

        if (status != SES_OK) {
            count_leaks(true);
            continue;
        }
        int32_t a = rig_call("/t.T/Echo", NULL, SES_STR("x")), b = rig_call("/t.T/Three", NULL, SES_STR("y"));

        rig_pump();
        if (rig.h2 != NULL)
            ses_h2_drain(rig.h2);
        rig_pump();
        if (rig.h2 != NULL)
            rig_wait(SES_H2_DRAIN_NOTICE_MS + 50); /* a client without streams has nothing to say to a PING */
        count_leaks(true);
        complete = allocations_left > 0;
        if (complete) {
            rig_expect_reply(a, false, SES_STR("x"));
            rig_expect_status(b, 0);
        }
        assert_null(rig.h2);
    }
    assert_true(complete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(any_allocation_may_fail),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
