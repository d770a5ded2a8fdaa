/* What a client certificate says of its holder, as far as callers are known by it. The chain was verified by
 * OpenSSL; here names become text that can be compared and logged, or the certificate is refused: a name with a
 * NUL in it would be one name to us and another to its authority. */
#include "tls_impl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

/* Printable UTF-8 without NUL, shorter than size. */
static enum ses_status copy_name(struct ses_slice text, size_t size, char *ret_text)
{
    if (text.len >= size || !ses_utf8_printable_check(text))
        return SES_MALFORMED;
    memcpy(ret_text, text.data, text.len);
    ret_text[text.len] = '\0';
    return SES_OK;
}

/* None is fine; of two nobody could say which one is meant. */
static enum ses_status read_common_name(X509 *certificate, char *ret_name)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *utf8 = NULL;
    enum ses_status status;
    int len;

    ret_name[0] = '\0';
    if (at < 0)
        return SES_OK;
    if (X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return SES_MALFORMED;
    len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (len < 0)
        return SES_MALFORMED;
    status = copy_name(ses_slice(utf8, (size_t)len), SES_TLS_COMMON_NAME_SIZE, ret_name);
    OPENSSL_free(utf8);
    return status;
}

/* Whether name is of a kind that callers are known by. All three are IA5String: ASCII. */
static bool san_kind(const GENERAL_NAME *name, enum ses_tls_san_kind *ret_kind)
{
    if (name->type == GEN_DNS)
        *ret_kind = SES_TLS_SAN_DNS;
    else if (name->type == GEN_URI)
        *ret_kind = SES_TLS_SAN_URI;
    else if (name->type == GEN_EMAIL)
        *ret_kind = SES_TLS_SAN_EMAIL;
    else
        return false;
    return true;
}

static unsigned count_sans(const GENERAL_NAMES *names)
{
    enum ses_tls_san_kind kind;
    unsigned count = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        count += san_kind(sk_GENERAL_NAME_value(names, i), &kind) ? 1 : 0;
    return count;
}

static enum ses_status read_sans(const GENERAL_NAMES *names, struct ses_tls_peer *peer)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        enum ses_tls_san_kind kind;
        struct ses_tls_san *san;
        struct ses_slice text;

        if (!san_kind(name, &kind))
            continue;
        san = &peer->sans[peer->sans_count];
        san->kind = kind;
        text = ses_slice(ASN1_STRING_get0_data(name->d.ia5), (size_t)ASN1_STRING_length(name->d.ia5));
        if (text.len == 0)
            return SES_MALFORMED;
        SES_TRY(copy_name(text, sizeof(san->text), san->text));
        peer->sans_count++;
    }
    return SES_OK;
}

static enum ses_status read_names(X509 *certificate, const GENERAL_NAMES *names, struct ses_tls_peer *peer)
{
    unsigned len = sizeof(peer->thumbprint);

    if (X509_digest(certificate, EVP_sha256(), peer->thumbprint, &len) != 1)
        return SES_NO_MEMORY;
    SES_TRY(read_common_name(certificate, peer->common_name));
    return read_sans(names, peer);
}

enum ses_status ses_tls_peer_read(X509 *certificate, struct ses_tls_peer **ret_peer)
{
    int critical = -1; /* stays so if there is no such extension, -2 if there are two */
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    unsigned count = count_sans(names);
    struct ses_tls_peer *peer = NULL;
    enum ses_status status = SES_OK;

    if ((names == NULL && critical != -1) || count > SES_TLS_SANS_MAX)
        status = SES_MALFORMED;
    if (status == SES_OK) {
        peer = calloc(1, sizeof(*peer) + count * sizeof(peer->sans[0]));
        status = peer == NULL ? SES_NO_MEMORY : read_names(certificate, names, peer);
    }
    GENERAL_NAMES_free(names);
    if (status == SES_OK)
        *ret_peer = peer;
    else
        free(peer);
    return status;
}
