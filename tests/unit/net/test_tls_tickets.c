/* A session that one process has begun is resumed by any other of the same master, for as long as it lives and the rules
 * are the same. */
#include "tls_rig.h"

#include <fcntl.h>
#include <time.h>

static struct ses_tls_tickets *tickets;

static int setup_tickets(void **state)
{
    int failed = setup_tls(state);

    assert_int_equal(ses_tls_tickets_new(&tickets), SES_OK);
    tls_rig.options.tickets = tickets;
    tls_rig.options.ticket_seconds = 1000;
    return failed;
}

static int teardown_tickets(void **state)
{
    ses_tls_tickets_free(tickets);
    return teardown_tls(state);
}

/* Another process of the same server, or with other rules. */
static void another_context(void)
{
    struct ses_fault fault = {.text = ""};
    enum ses_tls_text text;

    ses_tls_context_free(tls_rig.context);
    if (ses_tls_context_new(&tls_rig.options, &tls_rig.context, &text, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    tls_rig.start.context = tls_rig.context;
}

/* Whether the session was resumed; then it is the client's newest one. */
static bool visit(struct fixture *f)
{
    struct tls_client c;
    struct toy *t;
    char byte;
    bool reused;

    tls_connect(f, &c, &t);
    tls_put(f, &c, "x", 1);
    TLS_UNTIL(f, &c, SSL_read(c.ssl, &byte, 1) == 1); /* the tickets of 1.3 come before it */
    reused = SSL_session_reused(c.ssl) == 1;
    SSL_SESSION_free(tls_rig.resume);
    tls_rig.resume = SSL_get1_session(c.ssl);
    (void)SSL_shutdown(c.ssl); /* else OpenSSL takes the session for broken */
    tls_pump(f, &c);
    tls_client_done(&c);
    RUN_UNTIL(f, counter(f, SES_C_CONNECTIONS_OPEN) == 0);
    return reused;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void begin_version(struct fixture *f, int version)
{
    tls_rig.version = version;
    SSL_SESSION_free(tls_rig.resume);
    tls_rig.resume = NULL;
    if (f->conns == NULL) {
        f->model.echo = true;
        f->model.on_eof = ACT_FINISH;
        begin_tls(f, ses_usual_conns());
    } else {
        another_context();
    }
}

static void test_any_process_resumes(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        begin_version(f, versions[i]);
        assert_false(visit(f));
        another_context();
        assert_true(visit(f));
        assert_true(visit(f));
    }
    assert_int_equal(counter(f, SES_C_TLS_RESUMED), 4);
}

/* The master lives through an exec of the server, in a descriptor. */
static void test_the_master_can_be_handed_on(void **state)
{
    struct fixture *f = *state;
    struct ses_tls_tickets *adopted;
    int fd;

    begin_version(f, TLS1_3_VERSION);
    assert_false(visit(f));
    assert_int_equal(fcntl(ses_tls_tickets_fd(tickets), F_GETFD), FD_CLOEXEC);
    fd = dup(ses_tls_tickets_fd(tickets));
    assert_int_equal(ses_tls_tickets_adopt(fd, &adopted), SES_OK);
    ses_tls_tickets_free(tickets);
    tickets = adopted;
    tls_rig.options.tickets = tickets;
    another_context();
    assert_true(visit(f));
    fd = open("/dev/null", O_RDONLY);
    assert_int_equal(ses_tls_tickets_adopt(fd, &adopted), SES_MALFORMED);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* closed all the same */
}

/* Taken in the epoch after its own and replaced; two epochs later it is a stranger's. */
static void test_keys_move_on(void **state)
{
    struct fixture *f = *state;

    begin_version(f, TLS1_2_VERSION); /* 1.3's clients have an idea of a ticket's age of their own */
    assert_false(visit(f));
    unit_clock_pass_ms(900000);
    assert_true(visit(f)); /* a new ticket, if this is the next epoch */
    unit_clock_pass_ms(900000);
    assert_true(visit(f));
    unit_clock_pass_ms(2100000);
    assert_false(visit(f));
}

static void test_another_master_resumes_nothing(void **state)
{
    struct fixture *f = *state;
    struct ses_tls_tickets *before = tickets;

    for (size_t i = 0; i < 2; i++) {
        begin_version(f, versions[i]);
        assert_false(visit(f));
        assert_int_equal(ses_tls_tickets_new(&tickets), SES_OK);
        tls_rig.options.tickets = tickets;
        another_context();
        ses_tls_tickets_free(before);
        before = tickets;
        assert_false(visit(f));
        assert_true(visit(f));
    }
}

static void test_none_where_none_are_wanted(void **state)
{
    struct fixture *f = *state;

    tls_rig.options.ticket_seconds = 0;
    for (size_t i = 0; i < 2; i++) {
        begin_version(f, versions[i]);
        assert_false(visit(f));
        assert_false(visit(f));
    }
}

/* ---- clients with certificates */

static struct made own;

static void make_own(int to_seconds)
{
    const struct made_options options = {
        .common_name = "shop", .issuer = &tls_rig.authority, .to_seconds = to_seconds};

    made_certificate(&options, &own);
    tls_rig.own = &own;
    tls_rig.options.client_auth = SES_TLS_CLIENT_REQUIRE;
    tls_rig.options.client_ca = made_text(tls_rig.authority.certificate);
}

/* Who was verified under one set of authorities has not been under another. */
static void test_other_authorities_end_it(void **state)
{
    struct fixture *f = *state;
    const struct made_options options = {.common_name = "others", .authority = true};
    struct made others;
    char *both;

    made_certificate(&options, &others);
    make_own(0);
    both = made_joined(tls_rig.authority.certificate, others.certificate);
    for (size_t i = 0; i < 2; i++) {
        begin_version(f, versions[i]);
        assert_false(visit(f));
        assert_true(visit(f));
        tls_rig.options.client_ca = made_text(both); /* one more is another set, too */
        another_context();
        assert_false(visit(f));
        assert_true(visit(f));
        tls_rig.options.client_auth = SES_TLS_CLIENT_OPTIONAL;
        another_context();
        assert_false(visit(f));
        tls_rig.options.client_auth = SES_TLS_CLIENT_REQUIRE;
        tls_rig.options.client_ca = made_text(tls_rig.authority.certificate);
    }
    free(both);
    made_done(&others);
    made_done(&own);
}

/* Nobody verifies a certificate again in a resumption, so one that has ended must be shown anew. */
static void test_an_ended_certificate_ends_it(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;

    /* Ten minutes from where the tests before have moved the clock to. */
    make_own((int)(ses_clock_wall_ms() / 1000 - (uint64_t)time(NULL)) + 600);
    begin_version(f, TLS1_2_VERSION);
    assert_false(visit(f));
    assert_true(visit(f));
    unit_clock_pass_ms(700000);
    tls_client(f, &c);
    assert_int_equal(tls_refused(f, &c), SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED);
    tls_client_done(&c);
    assert_int_equal(counter(f, SES_C_TLS_FAILED_CERTIFICATE), 1);
    made_done(&own);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tickets, teardown_tickets)
    const struct CMUnitTest tests[] = {
        TEST(test_any_process_resumes),
        TEST(test_the_master_can_be_handed_on),
        TEST(test_keys_move_on),
        TEST(test_another_master_resumes_nothing),
        TEST(test_none_where_none_are_wanted),
        TEST(test_other_authorities_end_it),
        TEST(test_an_ended_certificate_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
