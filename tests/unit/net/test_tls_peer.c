/* Who a client's certificate says it is, and what is refused in the handshake. */
#include "tls_rig.h"

#include <openssl/evp.h>

static struct made own;

static void ask_for_clients(enum ses_tls_client_auth auth)
{
    tls_rig.options.client_auth = auth;
    tls_rig.options.client_ca = made_text(tls_rig.authority.certificate);
    tls_rig.own = &own;
}

static void make_own(struct made_options options)
{
    options.issuer = &tls_rig.authority;
    made_done(&own);
    made_certificate(&options, &own);
}

static GENERAL_NAME *name_of(int type, const char *bytes, int len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    assert_int_equal(ASN1_STRING_set(text, bytes, len), 1);
    GENERAL_NAME_set0_value(name, type, text);
    return name;
}

static void test_what_it_says(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;
    const struct ses_tls_peer *peer;
    uint8_t thumbprint[32];
    unsigned len = sizeof(thumbprint);

    ask_for_clients(SES_TLS_CLIENT_REQUIRE);
    make_own((struct made_options){
        .common_name = "Shop \xc3\x9c",
        .san = "DNS:shop.example,IP:10.0.0.1,URI:spiffe://pay/shop,email:ops@shop.example",
        .usage = "clientAuth"});
    begin_tls(f, ses_usual_conns());
    tls_connect(f, &c, &t);
    RUN_UNTIL(f, counter(f, SES_C_TLS_HANDSHAKES) == 1);
    peer = ses_conn_tls_peer(t->conn);
    assert_non_null(peer);
    assert_string_equal(peer->common_name, "Shop \xc3\x9c");
    assert_int_equal(peer->sans_count, 3);
    assert_int_equal(peer->sans[0].kind, SES_TLS_SAN_DNS);
    assert_string_equal(peer->sans[0].text, "shop.example");
    assert_int_equal(peer->sans[1].kind, SES_TLS_SAN_URI);
    assert_string_equal(peer->sans[1].text, "spiffe://pay/shop");
    assert_int_equal(peer->sans[2].kind, SES_TLS_SAN_EMAIL);
    assert_string_equal(peer->sans[2].text, "ops@shop.example");
    assert_int_equal(X509_digest(own.x509, EVP_sha256(), thumbprint, &len), 1);
    assert_memory_equal(peer->thumbprint, thumbprint, 32);
    tls_client_done(&c);
}

static void test_a_subject_without_names(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;

    ask_for_clients(SES_TLS_CLIENT_REQUIRE);
    make_own((struct made_options){.san = "DNS:shop.example"});
    begin_tls(f, ses_usual_conns());
    tls_connect(f, &c, &t);
    RUN_UNTIL(f, counter(f, SES_C_TLS_HANDSHAKES) == 1);
    assert_string_equal(ses_conn_tls_peer(t->conn)->common_name, "");
    tls_client_done(&c);
}

static void test_optional(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    struct toy *t;

    ask_for_clients(SES_TLS_CLIENT_OPTIONAL);
    tls_rig.own = NULL;
    begin_tls(f, ses_usual_conns());
    tls_connect(f, &c, &t);
    RUN_UNTIL(f, counter(f, SES_C_TLS_HANDSHAKES) == 1);
    assert_null(ses_conn_tls_peer(t->conn));
    tls_client_done(&c);
}

static void expect_refused(struct fixture *f, uint64_t *failed)
{
    struct tls_client c;

    tls_client(f, &c);
    assert_int_not_equal(tls_refused(f, &c), 0);
    tls_client_done(&c);
    (*failed)++;
    RUN_UNTIL(f, counter(f, SES_C_TLS_FAILED_CERTIFICATE) == *failed);
    assert_int_equal(counter(f, SES_C_TLS_HANDSHAKES), 0);
}

static void test_none_where_one_is_required(void **state)
{
    struct fixture *f = *state;
    uint64_t failed = 0;

    ask_for_clients(SES_TLS_CLIENT_REQUIRE);
    tls_rig.own = NULL;
    begin_tls(f, ses_usual_conns());
    expect_refused(f, &failed);
}

/* Optional or not: a certificate that is shown must be right. */
static void test_wrong_ones(void **state)
{
    struct fixture *f = *state;
    const struct made_options alone = {.common_name = "shop"};
    uint64_t failed = 0;

    ask_for_clients(SES_TLS_CLIENT_OPTIONAL);
    begin_tls(f, ses_usual_conns());
    make_own((struct made_options){.common_name = "shop", .from_seconds = -7200, .to_seconds = -3600});
    expect_refused(f, &failed); /* ended */
    make_own((struct made_options){.common_name = "shop", .from_seconds = 7200});
    expect_refused(f, &failed); /* not begun */
    make_own((struct made_options){.common_name = "shop", .usage = "serverAuth"});
    expect_refused(f, &failed); /* a server's */
    made_done(&own);
    made_certificate(&alone, &own);
    expect_refused(f, &failed); /* nobody's */
}

/* "shop.example\0.evil.example" would be one name to us and another to its authority. */
static void test_names_that_are_not_text(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int type;
        const char *bytes;
        int len;
    } rows[] = {{GEN_DNS, "shop.example\0.evil.example", 26},
                {GEN_URI, "spiffe://pay/shop\n", 18},
                {GEN_EMAIL, "\xff@shop.example", 14},
                {GEN_DNS, "", 0}};
    char longest[SES_TLS_SAN_SIZE];
    uint64_t failed = 0;

    ask_for_clients(SES_TLS_CLIENT_REQUIRE);
    begin_tls(f, ses_usual_conns());
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

        sk_GENERAL_NAME_push(names, name_of(rows[i].type, rows[i].bytes, rows[i].len));
        make_own((struct made_options){.common_name = "shop", .names = names});
        GENERAL_NAMES_free(names);
        expect_refused(f, &failed);
    }
    memset(longest, 'a', sizeof(longest));
    for (int extra = 0; extra < 2; extra++) { /* one byte too long, one name too many */
        GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

        for (int i = 0; i < (extra == 0 ? 1 : SES_TLS_SANS_MAX + 1); i++)
            sk_GENERAL_NAME_push(names, name_of(GEN_URI, longest, extra == 0 ? SES_TLS_SAN_SIZE : 10));
        make_own((struct made_options){.common_name = "shop", .names = names});
        GENERAL_NAMES_free(names);
        expect_refused(f, &failed);
    }
}

static int teardown_peer(void **state)
{
    made_done(&own);
    return teardown_tls(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown_peer)
    const struct CMUnitTest tests[] = {
        TEST(test_what_it_says), TEST(test_a_subject_without_names),    TEST(test_optional),
        TEST(test_wrong_ones),   TEST(test_none_where_one_is_required), TEST(test_names_that_are_not_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
