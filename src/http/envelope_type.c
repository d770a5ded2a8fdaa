/* The names in full: a codec that is not ours is no such call, and refused by http_exchange.c (415). */
#include "envelope.h"

#include <sessiond/base/parameter.h>

static const struct ses_envelope_type types[] = {
    {SES_STR_INIT("application/connect+proto"), SES_DOOR_CONNECT, SES_ENCODING_PROTO, false},
    {SES_STR_INIT("application/connect+json"), SES_DOOR_CONNECT, SES_ENCODING_JSON, false},
    {SES_STR_INIT("application/grpc-web"), SES_DOOR_GRPC_WEB, SES_ENCODING_PROTO, false},
    {SES_STR_INIT("application/grpc-web+proto"), SES_DOOR_GRPC_WEB, SES_ENCODING_PROTO, false},
    {SES_STR_INIT("application/grpc-web+json"), SES_DOOR_GRPC_WEB, SES_ENCODING_JSON, false},
    {SES_STR_INIT("application/grpc-web-text"), SES_DOOR_GRPC_WEB, SES_ENCODING_PROTO, true},
    {SES_STR_INIT("application/grpc-web-text+proto"), SES_DOOR_GRPC_WEB, SES_ENCODING_PROTO, true},
    {SES_STR_INIT("application/grpc-web-text+json"), SES_DOOR_GRPC_WEB, SES_ENCODING_JSON, true},
};

/* A wrong method of HTTP is refused in the protocol that the type names, too (envelope_begin.c), but for Connect's, which
 * has HTTP's own words for it. Where there is no such method the fault is told in the caller's protocol all the same. A unary method has no
 * envelopes in Connect: that is another content type, and answered as one. */
static bool has_route(const struct ses_exchange *x, enum ses_door door)
{
    if (x->route == NULL)
        return x->door == SES_DOOR_CONNECT; /* it looks like a method's path */
    return x->route->kind == SES_ROUTE_SERVER_STREAM || x->route->kind == SES_ROUTE_BIDI ||
           (x->route->kind == SES_ROUTE_UNARY && door == SES_DOOR_GRPC_WEB);
}

const struct ses_envelope_type *ses_envelope_type_find(const struct ses_exchange *x)
{
    struct ses_slice rest = ses_exchange_header(x, "content-type", NULL);
    struct ses_slice name = ses_parameter_take_word(&rest);

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (ses_slice_ieq(name, types[i].name))
            return has_route(x, types[i].door) &&
                           (types[i].door == SES_DOOR_GRPC_WEB || ses_slice_eq_str(x->http_method, "POST"))
                       ? &types[i]
                       : NULL;
    }
    return NULL;
}
