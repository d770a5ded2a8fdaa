/* Plain text for the engine, records for the client, however they are cut; and the ends. */
#include "tls_rig.h"

#include <sys/socket.h>

#include <openssl/err.h>

#include "tls_conn_impl.h"

static uint8_t big[4u << 20];

/* ---- bytes */

static void test_both_versions_echo(void **state)
{
    struct fixture *f = *state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    char got[6];

    f->model.echo = true;
    begin_tls(f, ses_usual_conns());
    for (size_t i = 0; i < 2; i++) {
        struct tls_client c;
        struct toy *t;

        tls_rig.version = versions[i];
        tls_connect(f, &c, &t);
        assert_int_equal(SSL_version(c.ssl), versions[i]);
        assert_true(ses_conn_is_tls(t->conn));
        assert_null(ses_conn_tls_peer(t->conn));
        tls_put(f, &c, "hello", 5);
        tls_get(f, &c, got, 5);
        assert_memory_equal(got, "hello", 5);
        tls_client_done(&c);
        RUN_UNTIL(f, t->eofs == 1 || t->closes == 1);
    }
    assert_int_equal(counter(f, SES_C_TLS_HANDSHAKES), 2);
    assert_int_equal(counter(f, SES_C_TLS_1_2), 1);
}

static void test_a_byte_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    char got[11];

    f->model.echo = true;
    begin_tls(f, ses_usual_conns());
    tls_rig.piece = 1;
    tls_connect(f, &c, &t);
    tls_put(f, &c, "byte", 4);
    tls_put(f, &c, "by byte", 7);
    tls_get(f, &c, got, 11);
    assert_memory_equal(got, "byteby byte", 11);
    tls_client_done(&c);
}

/* Errors that somebody else has left (libcurl, another connection) are not this one's: it has half a record, and waits. */
static void test_errors_of_others(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    char record[64];
    char got[5];
    int len;

    f->model.echo = true;
    begin_tls(f, ses_usual_conns());
    tls_connect(f, &c, &t);
    assert_int_equal(SSL_write(c.ssl, "hello", 5), 5);
    len = BIO_read(c.out, record, sizeof(record));
    assert_int_equal(send(c.fd, record, 9, 0), 9);
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    RUN_UNTIL(f, t->conn->tls->bytes_in > 0 && ses_tls_record_inside(&t->conn->tls->record));
    assert_int_equal(send(c.fd, record + 9, (size_t)len - 9, 0), len - 9);
    tls_get(f, &c, got, 5);
    assert_memory_equal(got, "hello", 5);
    tls_client_done(&c);
}

static void test_megabytes_both_ways(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    static uint8_t got[sizeof(big)];

    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i % 251);
    f->model.endless = sizeof(big);
    begin_tls(f, ses_usual_conns());
    tls_connect(f, &c, &t);
    tls_put(f, &c, big, 1u << 20);
    TLS_UNTIL(f, &c, t->got.len == 1u << 20);
    assert_memory_equal(t->got.data, big, 1u << 20);
    ses_conn_want_write(t->conn);
    tls_get(f, &c, got, sizeof(got));
    assert_memory_equal(got, big, sizeof(big));
    tls_client_done(&c);
}

/* The engine's last words come whole, and behind them close_notify: the client knows that it has all. */
static void test_the_last_word_is_goodbye(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    char got[7];

    f->model.on_bytes = ACT_ANSWER_FINISH;
    begin_tls(f, ses_usual_conns());
    tls_connect(f, &c, &t);
    tls_put(f, &c, "x", 1);
    tls_get(f, &c, got, 6);
    assert_memory_equal(got, "answer", 6);
    TLS_UNTIL(f, &c, SSL_read(c.ssl, got, 1) == 0 || c.ended);
    assert_int_equal(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    tls_client_done(&c);
}

/* The client's close_notify is its FIN; what was asked before is still answered. */
static void test_goodbye_of_the_client(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    char got[7];

    f->model.on_eof = ACT_ANSWER_FINISH;
    begin_tls(f, ses_usual_conns());
    tls_connect(f, &c, &t);
    (void)SSL_shutdown(c.ssl);
    tls_get(f, &c, got, 6);
    assert_memory_equal(got, "answer", 6);
    assert_int_equal(t->eofs, 1);
    tls_client_done(&c);
    RUN_UNTIL(f, t->closes == 1);
    assert_int_equal(t->eofs, 1); /* the real FIN is no second one */
}

/* Record buffers are kept for those who spoke last, so many and no more; all others' are given back, and come again. */
static void test_buffers_of_the_latest_are_kept(void **state)
{
    struct fixture *f = *state;
    struct tls_client clients[WARM_MAX + 6];
    struct toy *t;
    char byte;

    f->model.echo = true;
    f->model.on_eof = ACT_FINISH;
    begin_tls(f, ses_usual_conns());
    for (unsigned i = 0; i < WARM_MAX + 6; i++) {
        tls_connect(f, &clients[i], &t);
        tls_put(f, &clients[i], "x", 1);
        tls_get(f, &clients[i], &byte, 1);
        assert_int_equal(f->conns->warm_count, i < WARM_MAX ? i + 1 : WARM_MAX);
    }
    tls_put(f, &clients[0], "x", 1);
    tls_get(f, &clients[0], &byte, 1);
    assert_int_equal(f->conns->warm_count, WARM_MAX);
    for (unsigned i = 0; i < WARM_MAX + 6; i++)
        tls_client_done(&clients[i]);
    RUN_UNTIL(f, counter(f, SES_C_CONNECTIONS_OPEN) == 0);
    assert_int_equal(f->conns->warm_count, 0);
}

/* ---- what is no TLS, and ends */

static void test_rubbish_gets_an_alert(void **state)
{
    struct fixture *f = *state;
    static const char *const rubbish[] = {"\x16\x03\x01\xff\xff"
                                          "too long",
                                          "\x16\x03\x01\x00\x05xxxxx"};

    begin_tls(f, ses_usual_conns());
    for (size_t i = 0; i < 2; i++) {
        size_t len = i == 0 ? 13 : 10;
        int fd = client(f);
        struct ses_buf got;

        assert_int_equal(send(fd, rubbish[i], len, MSG_NOSIGNAL), len);
        got = read_to_end(f, fd);
        assert_int_equal(got.len, 7);
        assert_int_equal(got.data[0], 0x15);
        assert_int_equal(got.data[5], 2);
        ses_buf_done(&got);
        close(fd);
    }
    assert_int_equal(counter(f, SES_C_TLS_FAILED_MALFORMED), 2);
}

/* A record that was tampered with ends the connection by an alert, and the engine does not see it. */
static void test_a_broken_record(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    char byte;
    char bytes[64];
    int len;

    begin_tls(f, ses_usual_conns());
    tls_connect(f, &c, &t);
    assert_int_equal(SSL_write(c.ssl, "x", 1), 1);
    len = BIO_read(c.out, bytes, sizeof(bytes));
    bytes[len - 1] ^= 1;
    assert_int_equal(send(c.fd, bytes, (size_t)len, 0), len);
    TLS_UNTIL(f, &c, SSL_read(c.ssl, &byte, 1) <= 0 && (ERR_peek_error() != 0 || c.ended));
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    assert_int_equal(t->got.len, 0);
    tls_client_done(&c);
}

static void test_old_versions_are_refused(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;

    begin_tls(f, ses_usual_conns());
    tls_rig.version = TLS1_1_VERSION;
    tls_client(f, &c);
    assert_int_equal(tls_refused(f, &c), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    tls_client_done(&c);
    assert_int_equal(counter(f, SES_C_TLS_FAILED_MISMATCH), 1);
}

static void test_only_1_3_where_that_is_asked(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;

    tls_rig.options.tls13_only = true;
    begin_tls(f, ses_usual_conns());
    tls_rig.version = TLS1_2_VERSION;
    tls_client(f, &c);
    assert_int_equal(tls_refused(f, &c), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
    tls_client_done(&c);
}

/* Without forward secrecy or AEAD there is nothing in common. */
static void test_weak_suites_are_refused(void **state)
{
    static const char *const suites[] = {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA",
                                         "DHE-RSA-AES128-GCM-SHA256"};
    struct fixture *f = *state;

    begin_tls(f, ses_usual_conns());
    tls_rig.version = TLS1_2_VERSION;
    for (size_t i = 0; i < 3; i++) {
        struct tls_client c;

        tls_client(f, &c);
        assert_int_equal(SSL_set_cipher_list(c.ssl, suites[i]), 1);
        assert_int_equal(tls_refused(f, &c), SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
        tls_client_done(&c);
    }
    assert_int_equal(counter(f, SES_C_TLS_FAILED_MISMATCH), 3);
}

/* Ours is the order: a client that names ChaCha20 last gets AES. */
static void test_our_order_of_suites(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;

    begin_tls(f, ses_usual_conns());
    tls_rig.version = TLS1_2_VERSION;
    tls_client(f, &c);
    assert_int_equal(
        SSL_set_cipher_list(c.ssl, "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"), 1);
    TLS_UNTIL(f, &c, SSL_do_handshake(c.ssl) == 1);
    assert_string_equal(SSL_get_cipher(c.ssl), "ECDHE-ECDSA-AES128-GCM-SHA256");
    t = f->toys[0];
    tls_client_done(&c);
    RUN_UNTIL(f, t->closes == 1 || t->eofs == 1);
}

/* RFC 5746: a client may ask for another handshake, and is told no. Each asking costs nothing but the answer. */
static void test_no_renegotiation(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    char got[6];

    f->model.echo = true;
    begin_tls(f, ses_usual_conns());
    tls_rig.version = TLS1_2_VERSION;
    tls_connect(f, &c, &t);
    assert_int_equal(SSL_renegotiate(c.ssl), 1);
    (void)SSL_do_handshake(c.ssl);
    TLS_UNTIL(f, &c, SSL_do_handshake(c.ssl) != 1 && (ERR_peek_error() != 0 || c.ended));
    (void)got;
    assert_int_equal(counter(f, SES_C_TLS_HANDSHAKES), 1);
    ERR_clear_error();
    tls_client_done(&c);
}

static void test_key_updates_have_a_limit(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    unsigned i;

    begin_tls(f, ses_usual_conns());
    tls_rig.version = TLS1_3_VERSION;
    tls_connect(f, &c, &t);
    for (i = 0; i < 1000 && !c.ended && t->closes == 0; i++) {
        if (SSL_key_update(c.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(c.ssl) != 1)
            break;
        tls_pump(f, &c);
        if (i == 20) { /* some are fine */
            tls_put(f, &c, "x", 1);
            TLS_UNTIL(f, &c, t->got.len == 1);
        }
    }
    assert_in_range(i, 21, 100);
    TLS_UNTIL(f, &c, c.ended);
    tls_client_done(&c);
}

/* ---- ALPN */

static void test_alpn(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *offered;
        enum ses_tls_alpn chosen;
    } rows[] = {{NULL, SES_TLS_ALPN_NONE},
                {"\2h2", SES_TLS_ALPN_HTTP2},
                {"\10http/1.1\2h2", SES_TLS_ALPN_HTTP2},
                {"\7foo/9.9\10http/1.1", SES_TLS_ALPN_HTTP1}};
    struct tls_client c;
    struct toy *t;

    begin_tls(f, ses_usual_conns());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tls_rig.alpn = rows[i].offered;
        tls_connect(f, &c, &t);
        assert_int_equal(ses_conn_tls_alpn(t->conn), rows[i].chosen);
        tls_client_done(&c);
    }
    tls_rig.alpn = "\6spdy/3";
    tls_client(f, &c);
    assert_int_equal(tls_refused(f, &c), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    tls_client_done(&c);
    assert_int_equal(counter(f, SES_C_TLS_FAILED_MISMATCH), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown_tls)
    const struct CMUnitTest tests[] = {
        TEST(test_both_versions_echo),
        TEST(test_a_byte_at_a_time),
        TEST(test_errors_of_others),
        TEST(test_megabytes_both_ways),
        TEST(test_the_last_word_is_goodbye),
        TEST(test_goodbye_of_the_client),
        TEST(test_buffers_of_the_latest_are_kept),
        TEST(test_rubbish_gets_an_alert),
        TEST(test_a_broken_record),
        TEST(test_old_versions_are_refused),
        TEST(test_only_1_3_where_that_is_asked),
        TEST(test_weak_suites_are_refused),
        TEST(test_our_order_of_suites),
        TEST(test_no_renegotiation),
        TEST(test_key_updates_have_a_limit),
        TEST(test_alpn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
