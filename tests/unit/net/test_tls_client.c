/* TLS as a client, against OpenSSL's own server: who is trusted, as whom we come, what is spoken. */
#include "unit.h"

#include <openssl/ssl.h>

#include <sessiond/net/tls_client.h>

#include "made_certificate.h"

#define BUF_MAX (1u << 20)

struct rig {
    struct made authority;
    struct made server; /* for payments.example and 127.0.0.1 */
    struct made own;    /* as whom we come */
    SSL_CTX *ctx;       /* the server's */
    SSL *ssl;
    BIO *in;
    BIO *out;
    struct ses_tls_client *client;
    struct ses_tls_call *call;
    struct ses_buf plain;
    struct ses_buf to_server;
    enum ses_status status;
};

static const char *served = "h2"; /* what the server agrees to; NULL: nothing */

static int on_alpn(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_len,
                   const unsigned char *offered, unsigned offered_len, void *arg)
{
    (void)ssl;
    (void)arg;
    assert_int_equal(offered_len, 3);
    assert_memory_equal(offered, "\2h2", 3);
    if (served == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    *ret_chosen = (const unsigned char *)served;
    *ret_len = (unsigned char)strlen(served);
    return SSL_TLSEXT_ERR_OK;
}

static void make_all(struct rig *rig)
{
    const struct made_options authority = {.common_name = "authority", .authority = true};
    struct made_options server = {.common_name = "server", .san = "DNS:payments.example,IP:127.0.0.1"};
    struct made_options own = {.common_name = "sessiond", .usage = "clientAuth"};

    made_certificate(&authority, &rig->authority);
    server.issuer = &rig->authority;
    own.issuer = &rig->authority;
    made_certificate(&server, &rig->server);
    made_certificate(&own, &rig->own);
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    served = "h2";
    make_all(rig);
    rig->ctx = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(rig->ctx, rig->server.x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(rig->ctx, rig->server.pkey), 1);
    SSL_CTX_set_alpn_select_cb(rig->ctx, on_alpn, NULL);
    ses_buf_init(&rig->plain, BUF_MAX);
    ses_buf_init(&rig->to_server, BUF_MAX);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    ses_tls_call_free(rig->call);
    ses_tls_client_free(rig->client);
    SSL_free(rig->ssl);
    SSL_CTX_free(rig->ctx);
    ses_buf_done(&rig->plain);
    ses_buf_done(&rig->to_server);
    made_done(&rig->authority);
    made_done(&rig->server);
    made_done(&rig->own);
    free(rig);
    return 0;
}

/* NULL: whom the machine trusts. */
static void open_call(struct rig *rig, const struct made *trusted, const struct made *own, const char *name)
{
    struct ses_tls_client_options options = {.ca = SES_SLICE_EMPTY};
    struct ses_fault fault;

    if (trusted != NULL)
        options.ca = made_text(trusted->certificate);
    if (own != NULL) {
        options.certificate = made_text(own->certificate);
        options.key = made_text(own->key);
    }
    assert_ok(ses_tls_client_new(&options, &rig->client, &fault));
    assert_ok(ses_tls_call_new(rig->client, name, &rig->call));
    rig->ssl = SSL_new(rig->ctx);
    rig->in = BIO_new(BIO_s_mem());
    rig->out = BIO_new(BIO_s_mem());
    (void)BIO_set_mem_eof_return(rig->in, -1);
    SSL_set_bio(rig->ssl, rig->in, rig->out);
    SSL_set_accept_state(rig->ssl);
}

/* What ours says to the server, and what that says to ours, in pieces. */
static void pass(struct rig *rig, size_t piece)
{
    char *bytes;
    long len;

    if (rig->to_server.len > 0)
        assert_true(BIO_write(rig->in, rig->to_server.data, (int)rig->to_server.len) > 0);
    ses_buf_clear(&rig->to_server);
    (void)SSL_do_handshake(rig->ssl);
    len = BIO_get_mem_data(rig->out, &bytes);
    for (size_t at = 0; at < (size_t)len && rig->status == SES_OK; at += piece)
        rig->status =
            ses_tls_call_receive(rig->call, ses_slice_cut(ses_slice(bytes, (size_t)len), at, at + piece),
                                 &rig->plain, &rig->to_server);
    (void)BIO_reset(rig->out);
}

static void shake_hands(struct rig *rig, size_t piece)
{
    rig->status = ses_tls_call_receive(rig->call, SES_SLICE_EMPTY, &rig->plain, &rig->to_server);
    for (unsigned i = 0; i < 6 && rig->status == SES_OK; i++)
        pass(rig, piece);
}

static void both_ways(struct rig *rig)
{
    char heard[16] = "";
    size_t got = 0;

    assert_ok(rig->status);
    assert_true(ses_tls_call_is_open(rig->call));
    assert_ok(ses_tls_call_send(rig->call, SES_STR("question"), &rig->to_server));
    assert_true(BIO_write(rig->in, rig->to_server.data, (int)rig->to_server.len) > 0);
    ses_buf_clear(&rig->to_server);
    assert_int_equal(SSL_read_ex(rig->ssl, heard, sizeof(heard), &got), 1);
    assert_memory_equal(heard, "question", 8);
    assert_int_equal(SSL_write_ex(rig->ssl, "answer", 6, &got), 1);
    pass(rig, 1);
    assert_ok(rig->status);
    assert_slice_equal(ses_buf_view(&rig->plain), "answer");
}

static void a_peer_for_the_name_is_spoken_to(void **state)
{
    struct rig *rig = *state;

    open_call(rig, &rig->authority, NULL, "payments.example");
    shake_hands(rig, 1u << 20);
    both_ways(rig);
}

static void bytes_may_come_one_by_one(void **state)
{
    struct rig *rig = *state;

    open_call(rig, &rig->authority, NULL, "127.0.0.1");
    shake_hands(rig, 1);
    both_ways(rig);
}

static void tls_1_2_will_do(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(SSL_CTX_set_max_proto_version(rig->ctx, TLS1_2_VERSION), 1);
    open_call(rig, &rig->authority, NULL, "payments.example");
    shake_hands(rig, 1u << 20);
    both_ways(rig);
}

static void refused(struct rig *rig, const char *why)
{
    shake_hands(rig, 1u << 20);
    assert_int_equal(rig->status, SES_UNAVAILABLE);
    assert_false(ses_tls_call_is_open(rig->call));
    assert_non_null(strstr(ses_tls_call_why(rig->call), why));
}

static void another_name_is_refused(void **state)
{
    struct rig *rig = *state;

    open_call(rig, &rig->authority, NULL, "other.example");
    refused(rig, "hostname mismatch");
}

static void another_address_is_refused(void **state)
{
    struct rig *rig = *state;

    open_call(rig, &rig->authority, NULL, "127.0.0.2");
    refused(rig, "IP address mismatch");
}

static void another_authority_is_refused(void **state)
{
    struct rig *rig = *state;
    const struct made_options options = {.common_name = "another", .authority = true};
    struct made another;

    made_certificate(&options, &another);
    open_call(rig, &another, NULL, "payments.example");
    made_done(&another);
    refused(rig, "unable to get local issuer certificate");
}

static void the_machines_authorities_do_not_know_it(void **state)
{
    struct rig *rig = *state;

    open_call(rig, NULL, NULL, "payments.example");
    refused(rig, "unable to get local issuer certificate");
}

static void an_expired_certificate_is_refused(void **state)
{
    struct rig *rig = *state;
    const struct made_options options = {.common_name = "server",
                                         .san = "DNS:payments.example",
                                         .issuer = &rig->authority,
                                         .from_seconds = -7200,
                                         .to_seconds = -3600};

    made_done(&rig->server);
    made_certificate(&options, &rig->server);
    assert_int_equal(SSL_CTX_use_certificate(rig->ctx, rig->server.x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(rig->ctx, rig->server.pkey), 1);
    open_call(rig, &rig->authority, NULL, "payments.example");
    refused(rig, "certificate has expired");
}

static void a_peer_without_http2_is_refused(void **state)
{
    struct rig *rig = *state;

    served = NULL;
    open_call(rig, &rig->authority, NULL, "payments.example");
    refused(rig, "does not agree to HTTP/2");
}

static void a_peer_that_asks_is_told_who_we_are(void **state)
{
    struct rig *rig = *state;
    X509 *seen;

    SSL_CTX_set_verify(rig->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(rig->ctx), rig->authority.x509), 1);
    open_call(rig, &rig->authority, &rig->own, "payments.example");
    shake_hands(rig, 1u << 20);
    both_ways(rig);
    seen = SSL_get1_peer_certificate(rig->ssl);
    assert_int_equal(X509_cmp(seen, rig->own.x509), 0);
    X509_free(seen);
}

static void the_peers_end_is_told(void **state)
{
    struct rig *rig = *state;

    open_call(rig, &rig->authority, NULL, "payments.example");
    shake_hands(rig, 1u << 20);
    both_ways(rig);
    (void)SSL_shutdown(rig->ssl);
    pass(rig, 1u << 20);
    assert_int_equal(rig->status, SES_EXPIRED);
}

static void rubbish_is_refused(void **state)
{
    struct rig *rig = *state;

    open_call(rig, &rig->authority, NULL, "payments.example");
    assert_ok(ses_tls_call_receive(rig->call, SES_SLICE_EMPTY, &rig->plain, &rig->to_server));
    assert_int_equal(ses_tls_call_receive(rig->call, SES_STR("HTTP/1.1 400 Bad Request\r\n\r\n"), &rig->plain,
                                          &rig->to_server),
                     SES_UNAVAILABLE);
    assert_string_not_equal(ses_tls_call_why(rig->call), "");
}

static void texts_that_are_none_are_told(void **state)
{
    const struct ses_tls_client_options bad_ca = {.ca = SES_STR("x")};
    struct ses_tls_client_options bad_key = {.key = SES_STR("x")};
    struct rig *rig = *state;
    struct ses_fault fault = {.text = ""};

    assert_int_equal(ses_tls_client_new(&bad_ca, &rig->client, &fault), SES_MALFORMED);
    assert_non_null(strstr(fault.text, "there is no certificate in it"));
    bad_key.certificate = made_text(rig->own.certificate);
    assert_int_equal(ses_tls_client_new(&bad_key, &rig->client, &fault), SES_MALFORMED);
    assert_non_null(strstr(fault.text, "there is no private key in it"));
    assert_null(rig->client);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_peer_for_the_name_is_spoken_to),
        T(bytes_may_come_one_by_one),
        T(tls_1_2_will_do),
        T(another_name_is_refused),
        T(another_address_is_refused),
        T(another_authority_is_refused),
        T(the_machines_authorities_do_not_know_it),
        T(an_expired_certificate_is_refused),
        T(a_peer_without_http2_is_refused),
        T(a_peer_that_asks_is_told_who_we_are),
        T(the_peers_end_is_told),
        T(rubbish_is_refused),
        T(texts_that_are_none_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
