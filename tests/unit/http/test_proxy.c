/* Who a request is taken to be from, behind proxies that are trusted and others. */
#include "unit_clock.h"

#include <stdio.h>

#include "h1_text.h"

static const char *const trusted_text[] = {"192.0.2.0/24", "2001:db8:1::/48"};
static struct ses_network trusted[2];

static struct ses_proxies *proxies(void)
{
    return &h1_rig.doors->options.proxies;
}

static int setup(void **state)
{
    int rv = h1_rig_setup(state);

    for (size_t i = 0; i < 2; i++)
        assert_ok(ses_network_parse(ses_slice_str(trusted_text[i]), &trusted[i]));
    *proxies() = (struct ses_proxies){trusted, 2, SES_PROXY_PROTOCOL_ACCEPT, SES_FORWARDED_X_FOR};
    return rv;
}

static void from(const char *ip_text)
{
    struct ses_ip ip;

    assert_ok(ses_ip_parse(ses_slice_str(ip_text), &ip));
    h1_rig.peer = ses_peer_of_ip(&ip, 4711);
}

/* ---- the PROXY protocol */

#define V1 "PROXY TCP4 198.51.100.9 192.0.2.200 1000 80\r\n"

static void test_header_names_the_client(void **state)
{
    struct ses_slice all = SES_STR(V1 GET "\r\n");

    (void)state;
    for (size_t at = 0; at <= all.len; at++) {
        from("192.0.2.1");
        fresh(ses_slice_cut(all, 0, at));
        (void)h1_rig_feed(ses_slice_cut(all, at, all.len));
        expect("HTTP/1.1 200 OK\r\n");
        assert_string_equal(h1_rig.last_peer, "198.51.100.9:1000");
    }
}

static void test_a_connection_may_begin_without_it(void **state)
{
    (void)state;
    fresh(SES_STR(GET "\r\n"));
    expect("HTTP/1.1 200 OK\r\n");
    assert_string_equal(h1_rig.last_peer, "192.0.2.1:4711");
}

static void test_or_must_not(void **state)
{
    (void)state;
    proxies()->protocol = SES_PROXY_PROTOCOL_REQUIRE;
    fresh(SES_STR(GET "\r\n"));
    assert_true(h1_rig.cut);
    assert_int_equal(answers(), 0);
    fresh(SES_STR("PROXY UNKNOWN\r\n" GET "\r\n"));
    expect("HTTP/1.1 200 OK\r\n");
    assert_string_equal(h1_rig.last_peer, "192.0.2.1:4711");
}

/* From a stranger it is no HTTP; a trusted proxy's is not read when it is off. */
static void test_from_a_stranger(void **state)
{
    (void)state;
    from("203.0.113.5");
    proxies()->protocol = SES_PROXY_PROTOCOL_REQUIRE;
    fresh(SES_STR(V1 GET "\r\n"));
    expect("HTTP/1.1 400 ");
    fresh(SES_STR(GET "\r\n"));
    expect("HTTP/1.1 200 OK\r\n");
    assert_string_equal(h1_rig.last_peer, "203.0.113.5:4711");
    from("192.0.2.1");
    proxies()->protocol = SES_PROXY_PROTOCOL_OFF;
    fresh(SES_STR(V1 GET "\r\n"));
    expect("HTTP/1.1 400 ");
}

static void test_malformed_ends_without_an_answer(void **state)
{
    (void)state;
    fresh(SES_STR("PROXY TCP4 nobody 192.0.2.200 1000 80\r\n" GET "\r\n"));
    assert_true(h1_rig.cut);
    assert_int_equal(answers(), 0);
}

static void pass_ms(uint64_t ms)
{
    for (uint64_t passed = 0; passed < ms; passed += 100) {
        unit_clock_pass_ms(100);
        uv_run(&h1_rig.loop, UV_RUN_NOWAIT);
    }
}

static void test_late(void **state)
{
    (void)state;
    fresh(SES_STR("PROXY TC"));
    pass_ms(ses_usual_door_limits().header_ms / 2);
    feed("P4");
    assert_false(h1_rig.cut);
    pass_ms(ses_usual_door_limits().header_ms / 2 + 200);
    assert_true(h1_rig.cut);
}

static void test_gone_before_its_end(void **state)
{
    (void)state;
    fresh(SES_STR("PROXY TCP4 198.51"));
    h1_rig_close();
    h1_rig_connect();
    h1_rig_close();
}

/* ---- headers */

static void expect_peer(const char *headers, const char *peer)
{
    char text[1024];

    (void)snprintf(text, sizeof(text), GET "%s\r\n", headers);
    fresh(ses_slice_str(text));
    expect("HTTP/1.1 200 OK\r\n");
    if (strcmp(h1_rig.last_peer, peer) != 0)
        fail_msg("%s: %s and not %s", headers, h1_rig.last_peer, peer);
}

#define OWN "192.0.2.1:4711"

static void test_x_forwarded_for(void **state)
{
    (void)state;
    expect_peer("", OWN);
    expect_peer("X-Forwarded-For: 198.51.100.9\r\n", "198.51.100.9");
    expect_peer("X-Forwarded-For: 198.51.100.9:1234\r\n", "198.51.100.9:1234");
    expect_peer("X-Forwarded-For: 2001:db8::9\r\n", "2001:db8::9");
    expect_peer("X-Forwarded-For: [2001:db8::9]:1234\r\n", "[2001:db8::9]:1234");
    expect_peer("X-Forwarded-For: 10.0.0.1, 198.51.100.9\r\n",
                "198.51.100.9"); /* what it wrote itself is left out */
    expect_peer("X-Forwarded-For: 198.51.100.9, 192.0.2.7, 2001:db8:1::7\r\n", "198.51.100.9");
    expect_peer("X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 198.51.100.9,192.0.2.7 \r\n", "198.51.100.9");
    expect_peer("X-Forwarded-For: 192.0.2.8, 192.0.2.7\r\n", "192.0.2.8"); /* all are trusted: the first */
    expect_peer("X-Forwarded-For: , ,198.51.100.9,\r\n", "198.51.100.9");
    expect_peer("Forwarded: for=198.51.100.9\r\n", OWN);
}

static void test_what_is_no_address_ends_the_walk(void **state)
{
    (void)state;
    expect_peer("X-Forwarded-For: unknown\r\n", OWN);
    expect_peer("X-Forwarded-For: 198.51.100.9, evil, 192.0.2.7\r\n", "192.0.2.7");
    expect_peer("X-Forwarded-For: 198.51.100.9, [::1, 192.0.2.7\r\n", "192.0.2.7");
    expect_peer("X-Forwarded-For: 198.51.100.9, [::1]x, 192.0.2.7\r\n", "192.0.2.7");
    expect_peer("X-Forwarded-For: 198.51.100.9, 10.1.1.1:x, 192.0.2.7\r\n", "192.0.2.7");
    expect_peer("X-Forwarded-For: 198.51.100.9, 10.1.1.1:70000, 192.0.2.7\r\n", "192.0.2.7");
    expect_peer("X-Forwarded-For:\r\n", OWN);
}

static void test_a_long_chain_is_not_walked_to_its_beginning(void **state)
{
    char header[512] = "X-Forwarded-For: 198.51.100.9";

    (void)state;
    for (int i = 0; i < 20; i++)
        (void)snprintf(header + strlen(header), sizeof(header) - strlen(header), ",192.0.2.%d", i + 10);
    (void)snprintf(header + strlen(header), sizeof(header) - strlen(header), "\r\n");
    expect_peer(header, "192.0.2.14");
}

static void test_forwarded(void **state)
{
    (void)state;
    proxies()->forwarded = SES_FORWARDED_RFC_7239;
    expect_peer("Forwarded: for=198.51.100.9\r\n", "198.51.100.9");
    expect_peer("Forwarded: For=\"[2001:db8:cafe::17]:4711\"\r\n", "[2001:db8:cafe::17]:4711");
    expect_peer("Forwarded: proto=http; FOR=198.51.100.9 ;by=203.0.113.43\r\n", "198.51.100.9");
    expect_peer("Forwarded: for=10.0.0.1, for=198.51.100.9;proto=https, for=192.0.2.7\r\n", "198.51.100.9");
    expect_peer("Forwarded: for=unknown\r\n", OWN);
    expect_peer("Forwarded: for=\"_gazonk\"\r\n", OWN);
    expect_peer("Forwarded: by=198.51.100.9\r\n", OWN);
    expect_peer("Forwarded: for=\"\r\n", OWN);
    expect_peer("X-Forwarded-For: 198.51.100.9\r\n", OWN);
}

static void test_headers_of_a_stranger(void **state)
{
    (void)state;
    from("203.0.113.5");
    expect_peer("X-Forwarded-For: 198.51.100.9\r\n", "203.0.113.5:4711");
    proxies()->forwarded = SES_FORWARDED_NONE;
    from("192.0.2.1");
    expect_peer("X-Forwarded-For: 198.51.100.9\r\n", OWN);
}

/* A balancer that speaks the protocol before one that speaks HTTP; the client itself is no proxy. */
static void test_both(void **state)
{
    (void)state;
    fresh(
        SES_STR("PROXY TCP4 192.0.2.9 192.0.2.200 1000 80\r\n" GET "X-Forwarded-For: 198.51.100.9\r\n\r\n"));
    assert_string_equal(h1_rig.last_peer, "198.51.100.9");
    from("192.0.2.1");
    fresh(SES_STR(V1 GET "X-Forwarded-For: 203.0.113.77\r\n\r\n"));
    assert_string_equal(h1_rig.last_peer, "198.51.100.9:1000");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, h1_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_header_names_the_client),
        TEST(test_a_connection_may_begin_without_it),
        TEST(test_or_must_not),
        TEST(test_from_a_stranger),
        TEST(test_malformed_ends_without_an_answer),
        TEST(test_late),
        TEST(test_gone_before_its_end),
        TEST(test_x_forwarded_for),
        TEST(test_what_is_no_address_ends_the_walk),
        TEST(test_a_long_chain_is_not_walked_to_its_beginning),
        TEST(test_forwarded),
        TEST(test_headers_of_a_stranger),
        TEST(test_both),
    };

    unit_clock_stop();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
