/* Origins are compared as they are written: browsers write them in one way (RFC 6454 section 6.2), and so does the
 * configuration. */
#include "cors.h"

#include <sessiond/base/authority.h>

#include "http_call.h"

#define FOREIGN "pages of this origin may not call this server (configuration: cors.origins)"

/* All that the protocols and our metadata use; the star is for what else libraries add (a trace, a user agent), and stands
 * for all but authorization. */
#define ALLOWED                                                                                               \
    "authorization, connect-accept-encoding, connect-content-encoding, connect-protocol-version, "            \
    "connect-timeout-ms, content-encoding, content-type, grpc-accept-encoding, grpc-encoding, grpc-timeout, " \
    "traceparent, tracestate, x-api-key, x-api-secret, x-auth, x-auth-key-map, x-connector, "                 \
    "x-connector-auth, x-connector-config, x-connector-request-reference-id, x-environment, x-grpc-web, "     \
    "x-key1, x-key2, x-merchant-id, x-reference-id, x-request-id, x-resource-id, x-session-errors, "          \
    "x-tenant-id, x-user-agent, *"

static bool is_on(const struct ses_cors *cors)
{
    return cors->any || cors->loopback || cors->origins_count > 0;
}

/* Of a whole origin alone: "http://localhost:3000", not what only begins like one. */
static bool is_loopback(struct ses_slice text)
{
    struct ses_authority authority;
    struct ses_origin origin;

    return ses_origin_parse(text, &origin) == SES_OK && origin.text.len == text.len &&
           ses_authority_parse_peer(origin.authority, &authority) == SES_OK &&
           ses_host_is_loopback(authority.host);
}

bool ses_cors_allows(const struct ses_cors *cors, struct ses_slice origin)
{
    if (cors->any)
        return true;
    for (size_t i = 0; i < cors->origins_count; i++) {
        if (ses_slice_eq_str(origin, cors->origins[i]))
            return true;
    }
    return cors->loopback && is_loopback(origin);
}

static bool is_for_pages(const struct ses_exchange *x)
{
    return x->route == NULL || !x->route->any_host;
}

/* An OPTIONS of a person, without these headers, is a method that no path has. */
static bool is_preflight(const struct ses_exchange *x)
{
    bool origin, method;

    if (!ses_slice_eq_str(x->http_method, "OPTIONS") || !is_for_pages(x))
        return false;
    (void)ses_exchange_header(x, "origin", &origin);
    (void)ses_exchange_header(x, "access-control-request-method", &method);
    return origin && method;
}

/* No gate is asked: a preflight carries no credentials (Fetch standard, "CORS-preflight fetch"), and does nothing. It is
 * counted as nobody's call. An allowed page learns of an unknown path by the call itself, whose answer it may read. */
bool ses_cors_preflight(const struct ses_doors *doors, struct ses_exchange *x)
{
    if (!is_preflight(x))
        return false;
    x->route = NULL;
    x->door = SES_DOOR_PLAIN;
    if (!ses_cors_allows(&doors->options.cors, ses_exchange_header(x, "origin", NULL))) {
        (void)ses_http_refuse(x, 403, SES_PERMISSION_DENIED, FOREIGN);
        return true;
    }
    ses_exchange_reply_header(x, SES_STR("access-control-allow-methods"), SES_STR("GET, POST"));
    ses_exchange_reply_header(x, SES_STR("access-control-allow-headers"), SES_STR(ALLOWED));
    ses_exchange_reply_header(x, SES_STR("access-control-max-age"), SES_STR(SES_CORS_MAX_AGE));
    ses_exchange_reply_raw(x, 204, NULL, SES_SLICE_EMPTY);
    return true;
}

/* vary with every answer: a cache must not give one that was made for another origin, or for none. */
size_t ses_cors_headers(const struct ses_cors *cors, const struct ses_exchange *x,
                        struct ses_header ret_headers[SES_CORS_HEADERS_MAX])
{
    struct ses_slice origin;
    size_t count = 0;
    bool present;

    if (!is_on(cors) || !is_for_pages(x))
        return 0;
    if (!cors->any)
        ret_headers[count++] = (struct ses_header){SES_STR("vary"), SES_STR("origin")};
    origin = ses_exchange_header(x, "origin", &present);
    if (!present || !ses_cors_allows(cors, origin))
        return count;
    ret_headers[count++] =
        (struct ses_header){SES_STR("access-control-allow-origin"), cors->any ? SES_STR("*") : origin};
    /* All of them: nothing of ours is for one reader more than for another. Short, because it comes with each answer. */
    ret_headers[count++] = (struct ses_header){SES_STR("access-control-expose-headers"), SES_STR("*")};
    return count;
}
