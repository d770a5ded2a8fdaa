/* A certificate says several things of its holder, and the callers file lists some of them. All are asked: one that
 * is two callers' at once is nobody's. */
#include "caller_certificate.h"

#include <sessiond/base/encode.h>

struct search {
    const struct ses_callers *callers;
    uint64_t wall_s;
    const struct ses_caller *caller;
    enum ses_caller_verdict verdict;
    bool ambiguous;
};

/* The worst verdict of one caller counts: what was taken away from a certificate is not given back by another of its
 * names. */
static void ask(struct search *search, enum ses_caller_identity kind, struct ses_slice value)
{
    const struct ses_caller *caller;
    enum ses_caller_verdict verdict =
        ses_callers_find_identity(search->callers, kind, value, search->wall_s, &caller);

    if (caller == NULL)
        return;
    search->ambiguous = search->ambiguous || (search->caller != NULL && search->caller != caller);
    if (search->caller == NULL || verdict != SES_CALLER_KNOWN)
        search->verdict = verdict;
    search->caller = caller;
}

static void ask_san(struct search *search, const struct ses_tls_san *san)
{
    struct ses_slice text = ses_slice_str(san->text);

    switch (san->kind) {
    case SES_TLS_SAN_DNS:
        ask(search, SES_CALLER_DNS, text);
        break;
    case SES_TLS_SAN_URI:
        ask(search, SES_CALLER_URI, text);
        break;
    case SES_TLS_SAN_EMAIL: /* a person's, and no caller is one */
        break;
    }
}

enum ses_caller_verdict ses_caller_by_certificate(const struct ses_callers *callers,
                                                  const struct ses_tls_peer *peer, uint64_t wall_s,
                                                  const struct ses_caller **ret_caller, bool *ret_ambiguous)
{
    struct search search = {.callers = callers, .wall_s = wall_s, .verdict = SES_CALLER_UNKNOWN};
    char thumbprint[SES_HEX_SIZE(SES_TLS_THUMBPRINT_BYTES)];

    (void)ses_hex_encode(ses_slice(peer->thumbprint, sizeof(peer->thumbprint)), thumbprint);
    ask(&search, SES_CALLER_THUMBPRINT, ses_slice_str(thumbprint));
    for (unsigned i = 0; i < peer->sans_count; i++)
        ask_san(&search, &peer->sans[i]);
    if (peer->common_name[0] != '\0')
        ask(&search, SES_CALLER_SUBJECT, ses_slice_str(peer->common_name));
    *ret_caller = search.caller;
    *ret_ambiguous = search.ambiguous;
    return search.verdict;
}
