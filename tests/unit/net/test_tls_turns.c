/* Handshakes do not stall the loop of others, and have an end. */
#include "tls_rig.h"

#include <sys/socket.h>

#define CLIENTS 12

/* What the client has to say, in one piece and without a turn of the server. */
static void send_first(struct tls_client *client)
{
    char bytes[4096];
    int len = BIO_read(client->out, bytes, sizeof(bytes));

    assert_int_equal(send(client->fd, bytes, (size_t)len, 0), len);
}

/* The first flight of so many clients lies in the server's sockets at once. */
static void all_begin(struct fixture *f, struct tls_client *clients, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        tls_client(f, &clients[i]);
        (void)SSL_do_handshake(clients[i].ssl);
        send_first(&clients[i]);
    }
    RUN_UNTIL(f, counter(f, SES_C_CONNECTIONS_OPEN) == count);
}

/* Whether the server's flight has come. */
static bool is_answered(const struct tls_client *client)
{
    char byte;

    return recv(client->fd, &byte, 1, MSG_PEEK) == 1;
}

static unsigned answered(const struct tls_client *clients, unsigned count)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < count; i++)
        sum += is_answered(&clients[i]) ? 1 : 0;
    return sum;
}

static void done_all(struct tls_client *clients, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        tls_client_done(&clients[i]);
}

static void test_so_many_steps_a_turn(void **state)
{
    struct fixture *f = *state;
    struct ses_conns_options options = ses_usual_conns();
    struct tls_client clients[CLIENTS];
    unsigned before = 0;

    options.handshakes_per_turn = 2;
    begin_tls(f, options);
    all_begin(f, clients, CLIENTS);
    /* Those that wait are read no further: whatever a turn answers, it is two at most. */
    while (before < CLIENTS) {
        unsigned now;

        run_turn(f);
        now = answered(clients, CLIENTS);
        assert_true(now <= before + 2);
        before = now;
    }
    assert_true(counter(f, SES_C_TLS_POSTPONED) > 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        TLS_UNTIL(f, &clients[i], SSL_do_handshake(clients[i].ssl) == 1);
    for (unsigned i = 0; i < CLIENTS; i++)
        tls_pump(f, &clients[i]); /* their last flight */
    RUN_UNTIL(f, counter(f, SES_C_TLS_HANDSHAKES) == CLIENTS);
    done_all(clients, CLIENTS);
}

/* Somebody whose connection stands is answered in the turn in which he asks, however many wait with handshakes. */
static void test_others_are_served_between_them(void **state)
{
    struct fixture *f = *state;
    struct ses_conns_options options = ses_usual_conns();
    struct tls_client clients[CLIENTS];
    struct tls_client old;
    struct toy *t;

    options.handshakes_per_turn = 1;
    f->model.echo = true;
    begin_tls(f, options);
    tls_connect(f, &old, &t);
    RUN_UNTIL(f, counter(f, SES_C_TLS_HANDSHAKES) == 1); /* the server's side of it, too */
    for (unsigned i = 0; i < CLIENTS; i++) {
        tls_client(f, &clients[i]);
        (void)SSL_do_handshake(clients[i].ssl);
        send_first(&clients[i]);
    }
    assert_int_equal(SSL_write(old.ssl, "x", 1), 1);
    send_first(&old);
    /* All of it was sent before the first turn: twelve turns at least for the handshakes, one or two for him. */
    RUN_UNTIL(f, t->got.len == 1);
    assert_true(answered(clients, CLIENTS) < CLIENTS);
    done_all(clients, CLIENTS);
    tls_client_done(&old);
}

/* In the order in which they came. */
static void test_first_come_first_served(void **state)
{
    struct fixture *f = *state;
    struct ses_conns_options options = ses_usual_conns();
    struct tls_client first[CLIENTS];
    struct tls_client late;

    options.handshakes_per_turn = 1;
    begin_tls(f, options);
    all_begin(f, first, CLIENTS);
    RUN_UNTIL(f, counter(f, SES_C_TLS_POSTPONED) > 0);
    tls_client(f, &late);
    (void)SSL_do_handshake(late.ssl);
    send_first(&late);
    RUN_UNTIL(f, is_answered(&late));
    assert_int_equal(answered(first, CLIENTS), CLIENTS);
    done_all(first, CLIENTS);
    tls_client_done(&late);
}

/* One that goes away while it waits is forgotten. */
static void test_who_leaves_while_waiting(void **state)
{
    struct fixture *f = *state;
    struct ses_conns_options options = ses_usual_conns();
    struct tls_client clients[CLIENTS];

    options.handshakes_per_turn = 1;
    begin_tls(f, options);
    all_begin(f, clients, CLIENTS);
    RUN_UNTIL(f, counter(f, SES_C_TLS_POSTPONED) > 0);
    done_all(clients, CLIENTS);
    RUN_UNTIL(f, counter(f, SES_C_CONNECTIONS_OPEN) == 0);
}

/* ---- time */

static void test_a_handshake_has_its_time(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    char bytes[4096];
    int len;

    begin_tls(f, ses_usual_conns());
    tls_client(f, &c);
    (void)SSL_do_handshake(c.ssl);
    len = BIO_read(c.out, bytes, sizeof(bytes));
    assert_int_equal(send(c.fd, bytes, (size_t)len - 1, 0), len - 1);
    RUN_UNTIL(f, f->toys_count == 1);
    pass(f, 900);
    assert_false(is_gone(c.fd));
    assert_int_equal(send(c.fd, bytes + len - 1, 1, 0), 1); /* a byte more buys none */
    RUN_UNTIL(f, is_answered(&c));
    pass(f, 200);
    RUN_UNTIL(f, counter(f, SES_C_CONNECTIONS_OPEN) == 0);
    assert_int_equal(counter(f, SES_C_TLS_FAILED_LATE), 1);
    tls_client_done(&c);
}

static void test_a_record_has_its_time(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    char bytes[64];
    int len;

    f->model.echo = true;
    begin_tls(f, ses_usual_conns());
    for (int begun = 1; begun <= 6; begun += 5) { /* the header's first byte, and the body's */
        tls_connect(f, &c, &t);
        pass(f, 2000); /* a connection that is silent between records has all the time */
        tls_put(f, &c, "x", 1);
        TLS_UNTIL(f, &c, SSL_read(c.ssl, bytes, 1) == 1);
        assert_int_equal(SSL_write(c.ssl, "x", 1), 1);
        len = BIO_read(c.out, bytes, sizeof(bytes));
        assert_true(len > begun);
        assert_int_equal(send(c.fd, bytes, (size_t)begun, 0), begun);
        RUN_UNTIL(f, counter(f, SES_C_HELD_BYTES) > 0); /* and it holds what OpenSSL keeps for it */
        pass(f, 900);
        assert_int_equal(t->closes, 0);
        pass(f, 200);
        RUN_UNTIL(f, t->closes == 1);
        tls_client_done(&c);
        RUN_UNTIL(f, counter(f, SES_C_HELD_BYTES) == 0);
    }
}

/* As a connection without TLS has, behind the handshake. */
static void test_a_first_byte_has_its_time(void **state)
{
    struct fixture *f = *state;
    struct ses_conns_options options = ses_usual_conns();
    struct tls_client c;
    struct toy *t;

    options.first_byte_ms = 500;
    options.idle_ms = 60000;
    begin_tls(f, options);
    tls_connect(f, &c, &t);
    pass(f, 400);
    assert_int_equal(t->idles, 0);
    pass(f, 200);
    assert_int_equal(t->idles, 1);
    tls_client_done(&c);
    tls_connect(f, &c, &t);
    tls_put(f, &c, "x", 1);
    RUN_UNTIL(f, t->got.len == 1);
    pass(f, 1000);
    assert_int_equal(t->idles, 0);
    tls_client_done(&c);
}

static void test_a_handshake_has_a_size(void **state)
{
    struct fixture *f = *state;
    static uint8_t record[5 + 16384] = {0x16, 3, 1, 0x40, 0,
                                        1,    1, 0, 0}; /* part of a ClientHello of 64 KiB */
    uint64_t sent = 0;
    int fd;

    begin_tls(f, ses_usual_conns());
    fd = client(f);
    while (!is_gone(fd) && sent < 1u << 20) {
        ssize_t done = send(fd, record, sizeof(record), MSG_NOSIGNAL);

        if (done < 0)
            break;
        sent += (uint64_t)done;
        run_turns(f, 3);
    }
    RUN_UNTIL(f, counter(f, SES_C_TLS_FAILED_MALFORMED) == 1);
    assert_true(counter(f, SES_C_BYTES_IN) < 300000);
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown_tls)
    const struct CMUnitTest tests[] = {
        TEST(test_so_many_steps_a_turn),      TEST(test_others_are_served_between_them),
        TEST(test_first_come_first_served),   TEST(test_who_leaves_while_waiting),
        TEST(test_a_handshake_has_its_time),  TEST(test_a_record_has_its_time),
        TEST(test_a_first_byte_has_its_time), TEST(test_a_handshake_has_a_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
