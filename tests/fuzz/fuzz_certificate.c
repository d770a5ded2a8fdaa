/* fuzz_certificate.c - certificates as a stranger may make them (DER, the names by which callers are known) and PEM texts
 * as an operator may. Names that are taken are printable texts that end where their length says; a fault is a sentence.
 * The first byte chooses.
 */
#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "tls_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const struct ses_tls_peer *peer)
{
    SES_REQUIRE(ses_utf8_printable_check(ses_slice_str(peer->common_name)));
    SES_REQUIRE(peer->sans_count <= SES_TLS_SANS_MAX);
    for (unsigned i = 0; i < peer->sans_count; i++) {
        struct ses_slice text = ses_slice_str(peer->sans[i].text);

        SES_REQUIRE(text.len > 0 && text.len < SES_TLS_SAN_SIZE && ses_utf8_printable_check(text));
    }
}

static void read_der(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    struct ses_tls_peer *peer = NULL;

    if (certificate != NULL && ses_tls_peer_read(certificate, &peer) == SES_OK)
        check_names(peer);
    free(peer);
    X509_free(certificate);
    ERR_clear_error();
}

static void read_pem(struct ses_slice pem)
{
    const struct ses_tls_options options = {.certificate = pem, .key = pem, .judged = true};
    struct ses_tls_context *context = NULL;
    struct ses_fault fault = {.text = ""};
    enum ses_tls_text text;

    SES_REQUIRE(ses_tls_authorities_check(pem, &fault) == SES_OK || fault.text[0] != '\0');
    fault.text[0] = '\0';
    SES_REQUIRE(ses_tls_context_new(&options, &context, &text, &fault) == SES_OK || fault.text[0] != '\0');
    SES_REQUIRE(ERR_peek_error() == 0);
    ses_tls_context_free(context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] % 2 == 0)
        read_der(data + 1, size - 1);
    else if (size > 0)
        read_pem(ses_slice(data + 1, size - 1));
    return 0;
}
