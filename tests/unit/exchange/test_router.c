#include <sessiond/exchange/route.h>

#include "unit.h"

static const struct ses_route methods[] = {
    {.path = "/types.A/One", .kind = SES_ROUTE_UNARY},
    {.path = "/types.A/Two", .kind = SES_ROUTE_UNARY},
    {.path = "/payments/one", .kind = SES_ROUTE_ALIAS},
};
static const struct ses_route plain[] = {
    {.path = "/r/", .kind = SES_ROUTE_PLAIN},
    {.path = "/r/deep/", .kind = SES_ROUTE_PLAIN},
    {.path = "/health", .kind = SES_ROUTE_PLAIN},
    {.path = "/unary/", .kind = SES_ROUTE_UNARY}, /* only PLAIN routes are prefixes */
};

static const struct ses_route *find(const struct ses_router *router, const char *path)
{
    return ses_router_find(router, ses_slice_str(path));
}

static void test_find(void **state)
{
    (void)state;
    const struct ses_route *tables[] = {methods, plain};
    const size_t counts[] = {3, 4};
    struct ses_router *router;

    assert_ok(ses_router_new(tables, counts, 2, &router));
    for (size_t i = 0; i < 3; i++)
        assert_ptr_equal(find(router, methods[i].path), &methods[i]);
    assert_ptr_equal(find(router, "/r/abc"), &plain[0]);
    assert_ptr_equal(find(router, "/r/"), &plain[0]);
    assert_ptr_equal(find(router, "/r/deep/x"), &plain[1]);
    assert_ptr_equal(find(router, "/health"), &plain[2]);
    assert_ptr_equal(find(router, "/unary/"), &plain[3]);
    static const char *const unknown[] = {
        "",        "/", "/r", "/healthz", "/health/", "/Health", "/unary/x", "/types.A/One2", "/types.a/One",
        "/types.A"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_null(find(router, unknown[i]));
    assert_null(ses_router_find(router, SES_SLICE_EMPTY));
    ses_router_free(router);
}

static void test_long_path(void **state)
{
    (void)state;
    const struct ses_route *tables[] = {plain};
    const size_t counts[] = {4};
    struct ses_router *router;
    char path[5000];

    memset(path, 'x', sizeof(path));
    assert_ok(ses_router_new(tables, counts, 1, &router));
    assert_null(ses_router_find(router, ses_slice(path, sizeof(path))));
    memcpy(path, "/r/", 3);
    assert_ptr_equal(ses_router_find(router, ses_slice(path, sizeof(path))), &plain[0]);
    ses_router_free(router);
}

static void test_duplicates_are_refused(void **state)
{
    (void)state;
    const struct ses_route *exact[] = {methods, methods + 2}, *prefixes[] = {plain, plain};
    const size_t exact_counts[] = {3, 1}, prefix_counts[] = {1, 1};
    struct ses_router *router = NULL;

    assert_int_equal(ses_router_new(exact, exact_counts, 2, &router), SES_ALREADY_EXISTS);
    assert_int_equal(ses_router_new(prefixes, prefix_counts, 2, &router), SES_ALREADY_EXISTS);
    assert_null(router);
    ses_router_free(NULL);
}

static void test_empty_table(void **state)
{
    (void)state;
    struct ses_router *router;

    assert_ok(ses_router_new(NULL, NULL, 0, &router));
    assert_null(find(router, "/"));
    ses_router_free(router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_duplicates_are_refused),
        cmocka_unit_test(test_empty_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
