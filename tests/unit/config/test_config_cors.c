/* The section cors. */
#include "config_fixture.h"

static void absent_means_nobody(void **state)
{
    const char *places[SES_CONFIG_ORIGINS_MAX];
    struct ses_config config;
    struct ses_fault fault;
    struct ses_cors cors;

    (void)state;
    assert_int_equal(load("", &config, &fault), SES_OK);
    cors = ses_config_cors(&config, places);
    assert_int_equal(cors.origins_count, 0);
    assert_false(cors.any || cors.loopback);
    config.sandbox = true;
    assert_true(ses_config_cors(&config, places).loopback);
}

static void taken(void **state)
{
    const char *places[SES_CONFIG_ORIGINS_MAX];
    struct ses_config config;
    struct ses_fault fault;
    struct ses_cors cors;

    (void)state;
    assert_int_equal(
        load("cors:\n  origins: [\"https://shop.example\", \"http://localhost:3000\"]\n", &config, &fault),
        SES_OK);
    cors = ses_config_cors(&config, places);
    assert_int_equal(cors.origins_count, 2);
    assert_string_equal(cors.origins[0], "https://shop.example");
    assert_string_equal(cors.origins[1], "http://localhost:3000");
    assert_false(cors.any);
    assert_int_equal(load("cors:\n  origins: [\"*\"]\n", &config, &fault), SES_OK);
    cors = ses_config_cors(&config, places);
    assert_true(cors.any);
    assert_int_equal(cors.origins_count, 0);
}

#define ENTRY                                                                                                \
    "2: cors.origins: each entry must be an origin as browsers send it: https://HOST or "                    \
    "https://HOST:PORT in lower case, without a path and without the scheme's own port; or the one entry "   \
    "\"*\": every page"

static void mistakes_are_named(void **state)
{
    static const char *const wrong[] = {
        "shop.example",
        "https://shop.example/",
        "https://shop.example/pay",
        "https://Shop.example",
        "https://shop.example:443",
        "http://shop.example:80",
        "https://*.shop.example",
        "https://shop.example:x",
        "https://",
        "ftp://shop.example",
        "null",
        "*\", \"https://shop.example",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        (void)snprintf(text, sizeof(text), "cors:\n  origins: [\"%s\"]\n", wrong[i]);
        expect_fault(text, ENTRY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_means_nobody),
        cmocka_unit_test(taken),
        cmocka_unit_test(mistakes_are_named),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
