/* Who calls: found by what was presented, then compared with what the head of the request asks for. Nothing of a
 * credential is kept, copied or logged; a key is named by its caller. */
#include <sessiond/method/caller_gate.h>

#include <sessiond/base/clock.h>
#include <sessiond/caller/caller_key.h>

#include "caller_certificate.h"
#include "caller_check.h"
#include "refusal.h"

/* ---- the head ------------------------------------------------------------------------------------ */

/* Absent and empty are the same, as in request_metadata.c. */
struct head {
    struct ses_slice authorization;
    struct ses_slice api_key; /* only of a caller's form */
    struct ses_slice tenant;
    struct ses_slice merchant;
    bool twice; /* a credential, and which of the two counts is not for us to choose */
};

static void take_key(struct ses_slice *place, struct ses_slice value, bool *twice)
{
    *twice = *twice || (place->len > 0 && value.len > 0);
    if (value.len > 0)
        *place = value;
}

/* The lengths of the names are told apart first: most headers are none of these. Of a tenant's or merchant's header
 * that is given twice the method refuses both (request_metadata.h). */
static void read_head(const struct ses_exchange *x, struct head *head)
{
    for (size_t i = 0; i < x->headers_count; i++) {
        const struct ses_header *header = &x->headers[i];

        if (header->name.len == 13 && ses_slice_eq(header->name, SES_STR("authorization")))
            take_key(&head->authorization, header->value, &head->twice);
        else if (header->name.len == 13 && ses_slice_eq(header->name, SES_STR("x-merchant-id")))
            head->merchant = header->value;
        else if (header->name.len == 11 && ses_slice_eq(header->name, SES_STR("x-tenant-id")))
            head->tenant = header->value;
        else if (header->name.len == 9 && ses_slice_eq(header->name, SES_STR("x-api-key")) &&
                 ses_caller_key_is_one(header->value))
            take_key(&head->api_key, header->value, &head->twice);
    }
}

/* RFC 6750 section 2.1; a scheme in any case (RFC 9110 section 11.1). Without it, or of another, it
 * is a key that nobody has. */
static struct ses_slice bearer_key(struct ses_slice authorization)
{
    struct ses_slice scheme = SES_STR("bearer ");

    if (ses_slice_ieq(ses_slice_cut(authorization, 0, scheme.len), scheme))
        return ses_slice_trim(ses_slice_cut(authorization, scheme.len, authorization.len));
    return SES_STR("?");
}

/* ---- refusals ------------------------------------------------------------------------------------ */

/* The values of SES_F_CALLERS. */
enum verdict { ADMITTED, REQUIRED, UNKNOWN, REVOKED, EXPIRED, AMBIGUOUS, NOT_ALLOWED, VERDICTS };

static const char *const causes[VERDICTS] = {
    [REQUIRED] = "required", [UNKNOWN] = "unknown",     [REVOKED] = "revoked",
    [EXPIRED] = "expired",   [AMBIGUOUS] = "ambiguous", [NOT_ALLOWED] = "not_allowed",
};

/* The operator is told which it was; the caller is not. */
static void note(const struct ses_caller_gate *gate, const struct ses_exchange *x,
                 const struct ses_caller *caller, enum verdict verdict)
{
    struct ses_log_line line;

    ses_family_add(gate->metrics, SES_F_CALLERS, verdict, 1);
    ses_log_begin_bounded(gate->log, SES_LOG_INFO, "caller_refused", causes[verdict], &line);
    ses_log_str(&line, "cause", causes[verdict]);
    if (caller != NULL)
        ses_log_slice(&line, "caller", caller->name);
    ses_log_str(&line, "flow", x->route->flow == NULL ? "none" : x->route->flow);
    ses_log_str(&line, "request_id", x->request_id);
    if (x->peer != NULL)
        ses_log_str(&line, "peer", x->peer);
    ses_log_end(&line);
}

/* RFC 9110 section 11.6.1: a 401 says what would be asked for. */
static enum ses_status refuse(struct ses_exchange *x, enum ses_reason reason, struct ses_slice message,
                              struct ses_error *ret_error)
{
    ses_exchange_reply_header(x, SES_STR("www-authenticate"), SES_STR("Bearer realm=\"sessiond\""));
    ses_refusal_set(ret_error, reason, 0, message);
    return ret_error->status;
}

static enum ses_status refuse_verdict(const struct ses_caller_gate *gate, struct ses_exchange *x,
                                      const struct ses_caller *caller, enum ses_caller_verdict verdict,
                                      struct ses_error *ret_error)
{
    note(gate, x, caller,
         verdict == SES_CALLER_REVOKED ? REVOKED : (verdict == SES_CALLER_EXPIRED ? EXPIRED : UNKNOWN));
    return refuse(x, SES_REASON_CALLER_UNKNOWN,
                  SES_STR("the caller's credential is not one that is known here"), ret_error);
}

/* ---- who ----------------------------------------------------------------------------------------- */

/* What was found by one credential. */
struct found {
    const struct ses_caller *caller; /* NULL: nobody's */
    enum ses_caller_verdict verdict;
    bool given;
    bool ambiguous;
};

static struct found find_by_key(const struct ses_caller_gate *gate, const struct head *head, uint64_t wall_s)
{
    struct ses_slice key = head->api_key.len > 0 ? head->api_key : bearer_key(head->authorization);
    struct found found = {.given = head->api_key.len > 0 || head->authorization.len > 0};

    found.ambiguous = head->twice || (head->api_key.len > 0 && head->authorization.len > 0);
    if (found.given && !found.ambiguous)
        found.verdict = ses_callers_find_key(gate->callers, gate->hash_key, key, wall_s, &found.caller);
    return found;
}

/* Most connections have shown none. */
static struct found find_by_certificate(const struct ses_caller_gate *gate, const struct ses_conn *conn,
                                        uint64_t wall_s)
{
    const struct ses_tls_peer *peer = conn == NULL ? NULL : ses_conn_tls_peer(conn);
    struct found found = {.given = peer != NULL};

    if (peer != NULL)
        found.verdict =
            ses_caller_by_certificate(gate->callers, peer, wall_s, &found.caller, &found.ambiguous);
    return found;
}

/* A certificate that is nobody's says nothing against a key: it may be there for somebody in front of us. */
static enum ses_status authenticate(const struct ses_caller_gate *gate, struct ses_exchange *x,
                                    const struct ses_conn *conn, const struct head *head,
                                    const struct ses_caller **ret_caller, struct ses_error *ret_error)
{
    uint64_t wall_s = ses_clock_wall_ms() / 1000;
    struct found by_key = find_by_key(gate, head, wall_s);
    struct found by_certificate = find_by_certificate(gate, conn, wall_s);
    const struct found *found = by_key.given ? &by_key : &by_certificate;

    if (by_key.ambiguous || by_certificate.ambiguous) {
        note(gate, x, NULL, AMBIGUOUS);
        return refuse(x, SES_REASON_CALLER_AMBIGUOUS, SES_STR("the call brings two credentials: send one"),
                      ret_error);
    }
    if (!found->given) {
        note(gate, x, NULL, REQUIRED);
        return refuse(x, SES_REASON_CALLER_REQUIRED,
                      SES_STR("who calls? send authorization: Bearer KEY, or x-api-key: KEY"), ret_error);
    }
    if (found->verdict != SES_CALLER_KNOWN)
        return refuse_verdict(gate, x, found->caller, found->verdict, ret_error);
    if (by_certificate.caller != NULL && by_certificate.caller != found->caller) {
        note(gate, x, found->caller, AMBIGUOUS);
        return refuse(x, SES_REASON_CALLER_AMBIGUOUS, SES_STR("the key and the certificate are two callers'"),
                      ret_error);
    }
    if (by_certificate.caller != NULL && by_certificate.verdict != SES_CALLER_KNOWN)
        return refuse_verdict(gate, x, by_certificate.caller, by_certificate.verdict, ret_error);
    *ret_caller = found->caller;
    return SES_OK;
}

/* ---- where ---------------------------------------------------------------------------------------- */

/* A name that is not said can only be the one that the caller has: a default would put a payment where nobody looks
 * for it. */
static bool settle_place(const struct ses_caller_places *places, struct ses_slice *name)
{
    if (name->len > 0)
        return true;
    if (places->any || places->count != 1)
        return false;
    *name = places->names[0];
    return true;
}

static enum ses_status settle_places(const struct ses_caller *caller, struct head *head,
                                     struct ses_error *ret_error)
{
    struct ses_error error = {.status = SES_OK};

    if (!settle_place(&caller->tenants, &head->tenant))
        ses_error_violation(&error, SES_STR("x-tenant-id"),
                            SES_STR("is required: the caller has several tenants"));
    if (!settle_place(&caller->merchants, &head->merchant))
        ses_error_violation(&error, SES_STR("x-merchant-id"),
                            SES_STR("is required: the caller has several merchants"));
    if (error.status == SES_OK)
        return SES_OK;
    error.reason = SES_REASON_INVALID_METADATA;
    *ret_error = error;
    return error.status;
}

/* A name that the caller's list has. One of any is what somebody has sent: nobody has looked at it yet, and it must not
 * get into a log line before (request_metadata.h). */
static struct ses_slice of_the_file(const struct ses_caller_places *places, struct ses_slice name)
{
    return places->any ? SES_SLICE_EMPTY : name;
}

/* A route for whoever is a caller reaches nobody's sessions: no place is asked there. */
static enum ses_status allow(struct ses_exchange *x, const struct ses_caller *caller, struct head *head,
                             struct ses_error *ret_error)
{
    struct ses_caller_wants wants = {.rights = x->route->rights};

    if (x->route->rights != SES_RIGHTS_ANY) {
        SES_TRY(settle_places(caller, head, ret_error));
        wants.tenant = &head->tenant;
        wants.merchant = &head->merchant;
    }
    SES_TRY(ses_caller_allows(caller, &wants, &x->arena, ret_error));
    x->tenant = of_the_file(&caller->tenants, head->tenant);
    x->merchant = of_the_file(&caller->merchants, head->merchant);
    return SES_OK;
}

enum ses_status ses_caller_gate_admit(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                                      struct ses_error *ret_error)
{
    const struct ses_caller_gate *gate = arg;
    const struct ses_caller *caller = NULL;
    struct head head = {.twice = false};
    enum ses_status status;

    if (x->route->rights == SES_RIGHTS_OPEN)
        return SES_OK;
    ses_callers_follow(gate->callers);
    read_head(x, &head);
    SES_TRY(authenticate(gate, x, conn, &head, &caller, ret_error));
    SES_REQUIRE(caller != NULL);
    x->caller = caller;
    status = allow(x, caller, &head, ret_error);
    ses_caller_count(gate->metrics, caller->metric_cell, status == SES_OK);
    if (status == SES_OK)
        ses_family_add(gate->metrics, SES_F_CALLERS, ADMITTED, 1);
    else if (status == SES_PERMISSION_DENIED)
        note(gate, x, caller, NOT_ALLOWED);
    else
        ses_refusal_summarise(ret_error, &x->arena);
    return status;
}
