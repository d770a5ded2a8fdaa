#include <sessiond/domain/binding.h>

#include <stdio.h>

#include "domain/request_fixture.h"
#include "unit.h"

static const struct ses_tag_key key = {{1, 2, 3}};

static void expect_agent(const char *text, const char *family, const char *version)
{
    struct ses_slice got_family, got_version;

    ses_user_agent_parse(ses_slice_str(text), &got_family, &got_version);
    if (!ses_slice_eq_str(got_family, family) || !ses_slice_eq_str(got_version, version))
        fail_msg("%s: %.*s %.*s", text, SES_FMT(got_family), SES_FMT(got_version));
}

static void test_user_agents(void **state)
{
    (void)state;
    expect_agent(
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
        "chrome", "120.0.0.0");
    expect_agent("Mozilla/5.0 AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91", "edge",
                 "120.0.2210.91");
    expect_agent("Mozilla/5.0 AppleWebKit/537.36 Chrome/119.0 Safari/537.36 OPR/105.0.0.0", "opera",
                 "105.0.0.0");
    expect_agent("Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", "firefox",
                 "121.0");
    expect_agent("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML) Version/17.2 Mobile/15E148 Safari/604.1",
                 "safari", "17.2");
    expect_agent("Mozilla/5.0 (iPhone) AppleWebKit/605 CriOS/120.0.6099.50 Mobile Safari/604.1", "chrome",
                 "120.0.6099.50");
    expect_agent("Mozilla/5.0 (Linux; Android 14) SamsungBrowser/23.0 Chrome/115.0 Mobile Safari/537.36",
                 "samsung", "23.0");
    expect_agent("curl/8.5.0", "curl", "8.5.0");
    expect_agent("Mozilla/5.0...", "Mozilla", "5.0...");
    expect_agent("odd", "odd", "");
    expect_agent("", "", "");
    expect_agent("/", "", "");
    expect_agent("Chrome/", "chrome", "");
}

static void expect_prefix(const char *address, const char *expected)
{
    char prefix[SES_IP_PREFIX_SIZE];

    assert_int_equal(ses_ip_prefix(ses_slice_str(address), prefix), expected != NULL);
    if (expected != NULL)
        assert_string_equal(prefix, expected);
}

static void test_ip_prefixes(void **state)
{
    (void)state;
    expect_prefix("203.0.113.77", "203.0.113.0/24");
    expect_prefix("::ffff:203.0.113.77", "203.0.113.0/24");
    expect_prefix("2001:db8:1:2::3", "2001:db8:1::/48");
    expect_prefix("2001:DB8:1:ffff:ffff:ffff:ffff:ffff", "2001:db8:1::/48");
    expect_prefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff::/48");
    expect_prefix("::1", "::/48");
    expect_prefix("", NULL);
    expect_prefix("1.2.3.4.5", NULL);
    expect_prefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL);
    assert_false(ses_ip_prefix(ses_slice("1.2.3.4\0", 8), (char[SES_IP_PREFIX_SIZE]){0}));
}

static struct ses_binding bind(const struct ses_session_request *request)
{
    struct ses_binding binding;

    ses_binding_take(&key, request, &binding);
    return binding;
}

static void test_nothing_bound_without_a_browser(void **state)
{
    struct ses_session_request request = minimal_request();

    (void)state;
    assert_int_equal(bind(&request).facets, 0);
    set_text(&request, SES_FIELD_ACCEPT_HEADER, "text/html");
    set_text(&request, SES_FIELD_REFERER, "https://shop.example");
    assert_int_equal(bind(&request).facets, 0); /* never bound */
    set_text(&request, SES_FIELD_USER_AGENT, "");
    assert_int_equal(bind(&request).facets, 0);
}

static void test_hash_is_over_the_documented_text(void **state)
{
    static const char canonical[] =
        "color_depth=24\nscreen_height=1080\nscreen_width=1920\njava_enabled=false\n"
        "time_zone_offset_minutes=-60\nos_type=linux\nuser_agent_family=chrome\n"
        "ip_prefix=203.0.113.0/24\naccept_language=de-CH,de;q=0.9\n"
        "user_agent_version=120.0.6099.71\n";
    struct ses_session_request request = full_request();
    struct ses_binding binding = bind(&request);
    uint8_t expected[SES_HASH_BYTES];
    char names[SES_BINDING_NAMES_SIZE];

    (void)state;
    ses_hash(SES_SLICE_EMPTY, ses_slice(canonical, sizeof(canonical) - 1), expected);
    assert_memory_equal(binding.hash, expected, sizeof(expected));
    assert_int_equal(binding.facets, (1u << SES_FACET_COUNT) - 1);
    assert_int_equal(ses_binding_names(binding.facets, names), 147);
    assert_string_equal(
        names, "color_depth screen_height screen_width java_enabled time_zone_offset_minutes os_type "
               "user_agent_family ip_prefix accept_language user_agent_version");
    assert_int_equal(ses_binding_names(0, names), 0);
}

static void expect_change(enum ses_field field, const char *text, int64_t number, uint32_t facets)
{
    struct ses_session_request request = full_request();
    struct ses_binding before = bind(&request), after;

    if (text != NULL)
        set_text(&request, field, text);
    else
        set_number(&request, field, number);
    after = bind(&request);
    assert_int_equal(ses_binding_differing(&before, &after), facets);
    assert_int_equal(memcmp(before.hash, after.hash, SES_HASH_BYTES) == 0, facets == 0);
}

static void test_what_a_change_touches(void **state)
{
    (void)state;
    expect_change(SES_FIELD_COLOR_DEPTH, NULL, 30, 1u << SES_FACET_color_depth);
    expect_change(SES_FIELD_SCREEN_HEIGHT, NULL, 1, 1u << SES_FACET_screen_height);
    expect_change(SES_FIELD_SCREEN_WIDTH, NULL, 1, 1u << SES_FACET_screen_width);
    expect_change(SES_FIELD_JAVA_ENABLED, NULL, 1, 1u << SES_FACET_java_enabled);
    expect_change(SES_FIELD_TIME_ZONE_OFFSET, NULL, 0, 1u << SES_FACET_time_zone_offset_minutes);
    expect_change(SES_FIELD_OS_TYPE, "windows", 0, 1u << SES_FACET_os_type);
    expect_change(SES_FIELD_OS_TYPE, "LINUX", 0, 0);
    expect_change(SES_FIELD_IP_ADDRESS, "203.0.113.1", 0, 0);
    expect_change(SES_FIELD_IP_ADDRESS, "203.0.114.1", 0, 1u << SES_FACET_ip_prefix);
    expect_change(SES_FIELD_ACCEPT_LANGUAGE, "fr", 0, 1u << SES_FACET_accept_language);
    expect_change(SES_FIELD_USER_AGENT, "Mozilla/5.0 Chrome/121.0 Safari/537.36", 0,
                  1u << SES_FACET_user_agent_version);
    expect_change(SES_FIELD_USER_AGENT, "Mozilla/5.0 Gecko Firefox/120.0.6099.71", 0,
                  1u << SES_FACET_user_agent_family);
    expect_change(SES_FIELD_ACCEPT_HEADER, "*/*", 0, 0);
    expect_change(SES_FIELD_REFERER, "https://other.example", 0, 0);
    expect_change(SES_FIELD_OS_VERSION, "7", 0, 0);
    expect_change(SES_FIELD_DEVICE_MODEL, "Other", 0, 0);
}

static void test_only_what_both_know_is_compared(void **state)
{
    struct ses_session_request full = full_request();
    struct ses_session_request some = minimal_request();
    struct ses_binding a = bind(&full), b;

    (void)state;
    set_number(&some, SES_FIELD_COLOR_DEPTH, 24);
    b = bind(&some);
    assert_int_equal(ses_binding_differing(&a, &b), 0);
    assert_int_equal(ses_binding_differing(&b, &a), 0);
    set_number(&some, SES_FIELD_COLOR_DEPTH, 16);
    b = bind(&some);
    assert_int_equal(ses_binding_differing(&a, &b), 1u << SES_FACET_color_depth);
}

static void test_hard_and_soft(void **state)
{
    uint32_t soft =
        1u << SES_FACET_ip_prefix | 1u << SES_FACET_accept_language | 1u << SES_FACET_user_agent_version;

    (void)state;
    assert_int_equal(ses_binding_hard(), ((1u << SES_FACET_COUNT) - 1) & ~soft);
    assert_int_equal(ses_facet_field(SES_FACET_user_agent_family), SES_FIELD_USER_AGENT);
    assert_string_equal(ses_facet_name(SES_FACET_ip_prefix), "ip_prefix");
}

/* Longest values that the checks let through must fit the canonical text. */
static void test_longest_values_fit(void **state)
{
    static char language[513], agent[2049], os[65];
    struct ses_session_request request = full_request();
    struct ses_error error;

    (void)state;
    memset(language, 'l', 512);
    memset(agent, 'a', 2048);
    agent[1000] = '/';
    memset(os, 'O', 64);
    set_text(&request, SES_FIELD_ACCEPT_LANGUAGE, language);
    set_text(&request, SES_FIELD_USER_AGENT, agent);
    set_text(&request, SES_FIELD_OS_TYPE, os);
    set_text(&request, SES_FIELD_IP_ADDRESS, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_int_equal(ses_request_check(&request, SES_NAMING_SESSION_TOKEN, &error), SES_OK);
    assert_int_not_equal(bind(&request).facets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_agents),
        cmocka_unit_test(test_ip_prefixes),
        cmocka_unit_test(test_nothing_bound_without_a_browser),
        cmocka_unit_test(test_hash_is_over_the_documented_text),
        cmocka_unit_test(test_what_a_change_touches),
        cmocka_unit_test(test_only_what_both_know_is_compared),
        cmocka_unit_test(test_hard_and_soft),
        cmocka_unit_test(test_longest_values_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
