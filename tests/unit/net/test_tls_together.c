/* What many TLS connections read and say in one turn goes through OpenSSL together, and each has its own all the same. */
#include "tls_rig.h"

#include <sys/socket.h>
#include <unistd.h>

#include "tls_conn_impl.h"

#define CLIENTS 40
#define LONG    30000u /* more than a piece that waits */

static struct tls_client clients[CLIENTS];
static struct toy *toys[CLIENTS];

static void connect_all(struct fixture *f, unsigned count)
{
    begin_tls(f, ses_usual_conns());
    for (unsigned i = 0; i < count; i++)
        tls_connect(f, &clients[i], &toys[i]);
}

static void done_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        tls_client_done(&clients[i]);
}

/* A record in the server's socket, without a turn of it. */
static void lay(struct tls_client *client, const void *bytes, size_t len)
{
    static char record[LONG + 4096];
    size_t done;
    int sealed;

    assert_int_equal(SSL_write_ex(client->ssl, bytes, len, &done), 1);
    sealed = BIO_read(client->out, record, sizeof(record));
    assert_int_equal(send(client->fd, record, (size_t)sealed, 0), sealed);
}

static void lay_number(unsigned i)
{
    char text[16];

    lay(&clients[i], text, (size_t)snprintf(text, sizeof(text), "number %u", i));
}

static void hear_number(struct fixture *f, unsigned i)
{
    char text[16], got[16];
    size_t len = (size_t)snprintf(text, sizeof(text), "number %u", i);

    tls_get(f, &clients[i], got, len);
    assert_memory_equal(got, text, len);
}

/* The loop without what happens when a poll is over. */
static void hold(struct fixture *f)
{
    assert_int_equal(uv_check_stop(&f->conns->polled), 0);
}

static unsigned waiting(struct fixture *f)
{
    unsigned count = 0;

    for (struct ses_list *node = f->conns->turn_tls.read.next; node != &f->conns->turn_tls.read;
         node = node->next)
        count++;
    return count;
}

static void test_each_has_its_own(void **state)
{
    struct fixture *f = *state;

    f->model.echo = true;
    connect_all(f, CLIENTS);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < CLIENTS; i++)
            lay_number(i);
        for (unsigned i = 0; i < CLIENTS; i++)
            hear_number(f, i);
    }
    done_all(CLIENTS);
}

/* Of the last connection: what had happened when OpenSSL had a record of it in hands. */
struct seen {
    struct fixture *fixture;
    unsigned opened, sealed; /* times */
    size_t first_had;        /* heard by the first engine */
    uint64_t sent;
};

static void note(int written, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
    struct seen *seen = arg;

    (void)version;
    (void)bytes;
    (void)len;
    (void)ssl;
    if (type != SSL3_RT_HEADER)
        return;
    seen->opened += written ? 0 : 1;
    seen->sealed += written ? 1 : 0;
    seen->first_had = toys[0]->got.len;
    seen->sent = counter(seen->fixture, SES_C_BYTES_OUT);
}

/* No engine hears anything before all records of the poll are plain text; nothing is written before all answers are records. */
static void test_openssl_is_asked_for_all_at_once(void **state)
{
    struct fixture *f = *state;
    struct seen seen = {.fixture = f};
    uint64_t sent;

    f->model.echo = true;
    connect_all(f, 4);
    sent = counter(f, SES_C_BYTES_OUT);
    SSL_set_msg_callback(toys[3]->conn->tls->ssl, note);
    SSL_set_msg_callback_arg(toys[3]->conn->tls->ssl, &seen);
    hold(f);
    for (unsigned i = 0; i < 4; i++)
        lay_number(i);
    RUN_UNTIL(f, waiting(f) == 4);
    assert_int_equal(seen.opened, 0);
    ses_conns_polled(f->conns);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.first_had, 0);
    assert_int_equal(toys[0]->got.len, 8);
    ses_conns_flush(f->conns);
    assert_int_equal(seen.sealed, 1);
    assert_int_equal(seen.sent, sent);
    for (unsigned i = 0; i < 4; i++)
        hear_number(f, i);
    done_all(4);
}

/* What waits comes before what is read later, however long that is, and before the end of the stream. */
static void test_order_is_kept(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[LONG];

    memset(bytes, 'x', sizeof(bytes));
    connect_all(f, 2);
    hold(f);
    lay(&clients[0], "first", 5);
    RUN_UNTIL(f, waiting(f) == 1);
    lay(&clients[0], bytes, sizeof(bytes));
    RUN_UNTIL(f, toys[0]->got.len == 5 + sizeof(bytes));
    assert_memory_equal(toys[0]->got.data, "first", 5);
    lay(&clients[1], "last", 4);
    RUN_UNTIL(f, waiting(f) == 1);
    assert_int_equal(shutdown(clients[1].fd, SHUT_WR), 0);
    RUN_UNTIL(f, toys[1]->eofs == 1);
    assert_int_equal(toys[1]->got.len, 4);
    done_all(2);
}

/* The piece that ends a record is shorter than what the record says. */
static void test_parts_of_a_record(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[16384], got[16384];

    f->model.echo = true;
    tls_rig.piece = 1000;
    connect_all(f, 2);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i % 251);
    tls_put(f, &clients[0], bytes, sizeof(bytes));
    tls_get(f, &clients[0], got, sizeof(got));
    assert_memory_equal(got, bytes, sizeof(bytes));
    done_all(2);
}

/* Long answers and short ones, in one turn. */
static void test_long_ones_between(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[LONG], got[LONG];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i % 241);
    f->model.echo = true;
    connect_all(f, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (i % 3 == 0)
            lay(&clients[i], bytes, sizeof(bytes));
        else
            lay_number(i);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (i % 3 == 0) {
            tls_get(f, &clients[i], got, sizeof(got));
            assert_memory_equal(got, bytes, sizeof(bytes));
        } else {
            hear_number(f, i);
        }
    }
    done_all(CLIENTS);
}

/* Whoever ends while its piece waits, or while its answer does, is not heard, and is not written to. */
static void test_the_end_while_it_waits(void **state)
{
    struct fixture *f = *state;

    f->model.echo = true;
    connect_all(f, 4);
    hold(f);
    for (unsigned i = 0; i < 4; i++)
        lay_number(i);
    RUN_UNTIL(f, waiting(f) == 4);
    ses_conn_cut(toys[0]->conn);
    ses_conn_abandon(toys[1]->conn);
    ses_conns_polled(f->conns);
    assert_int_equal(toys[0]->got.len + toys[1]->got.len, 0);
    assert_int_equal(toys[2]->got.len, 8);
    for (unsigned i = 2; i < 4; i++) {
        ses_list_remove(&toys[i]->conn->want);
        assert_true(ses_tls_turn_say(toys[i]->conn));
    }
    ses_conn_cut(toys[2]->conn);
    ses_conn_abandon(toys[3]->conn);
    ses_conns_say(f->conns);
    RUN_UNTIL(f, toys[0]->closes + toys[1]->closes + toys[2]->closes + toys[3]->closes == 4);
    done_all(4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown_tls)
    const struct CMUnitTest tests[] = {
        TEST(test_each_has_its_own),  TEST(test_openssl_is_asked_for_all_at_once),
        TEST(test_order_is_kept),     TEST(test_parts_of_a_record),
        TEST(test_long_ones_between), TEST(test_the_end_while_it_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
