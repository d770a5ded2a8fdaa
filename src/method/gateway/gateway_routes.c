/* A call's way in: everything that can be found wrong without the store. */
#include "gateway_routes.h"

#include "gateway_call.h"
#include "refusal.h"

/* ---- reading ------------------------------------------------------------------------------------- */

/* The body is passed on as it is, and the server reads protobuf. */
static enum ses_status check_encoding(const struct ses_exchange *x, struct ses_error *ret_error)
{
    if (x->encoding == SES_ENCODING_PROTO)
        return SES_OK;
    ses_error_set(ret_error, SES_UNIMPLEMENTED,
                  SES_STR("calls to the payment server pass as protobuf (gRPC, gRPC-Web, Connect with "
                          "application/proto), not as JSON"));
    return ret_error->status;
}

/* An effect is remembered by its id. Without a session nothing is remembered. */
static enum ses_status check_id(const struct ses_gateway_call *call, struct ses_error *ret_error)
{
    struct ses_slice id = call->request.part[SES_GATEWAY_ID];

    if (!call->with_session || !ses_gateway_has_effect(call->method))
        return SES_OK;
    if (id.len > 0 && id.len <= SES_EFFECT_ID_BYTES_MAX && ses_utf8_name_check(id))
        return SES_OK;
    ses_error_clear(ret_error);
    ses_error_violation(
        ret_error, ses_gateway_part_name(call->method, SES_GATEWAY_ID),
        SES_STR("is required: 1 to 128 bytes of printable UTF-8, the same for a repeated call"));
    return ret_error->status;
}

/* The caller's word, so it must be one that he cannot have said by mistake. */
static enum ses_status read_final(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    struct ses_slice word = ses_exchange_header(call->x, "x-session-settle", NULL);

    call->final = ses_slice_eq_str(word, "final");
    if (word.len == 0 ||
        (call->final && call->with_session && call->method->settles != SES_GATEWAY_SETTLES_NOTHING))
        return SES_OK;
    ses_error_clear(ret_error);
    ses_error_violation(ret_error, SES_STR("x-session-settle"),
                        SES_STR("must be \"final\", with a session, and of a Get"));
    return ret_error->status;
}

static enum ses_status read_call(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    SES_TRY(check_encoding(call->x, ret_error));
    SES_TRY(ses_access_begin(&call->access, call->service, call->x, ret_error));
    SES_TRY(ses_gateway_request_read(call->method, call->x->body, &call->request, ret_error));
    SES_TRY(ses_gateway_verify(call, ret_error));
    SES_TRY(check_id(call, ret_error));
    SES_TRY(read_final(call, ret_error));
    return ses_gateway_headers(call, ret_error);
}

static bool wants_raw(const struct ses_gateway_call *call)
{
    return call->service->options.gateway.raw_allowed &&
           ses_slice_eq_str(ses_exchange_header(call->x, "x-include-raw", NULL), "true");
}

/* ---- start ----------------------------------------------------------------------------------------- */

/* Without a session it is sent from here. The loop is only what holds the exchange. */
static void send_as_it_is(struct ses_gateway_call *call)
{
    static const struct ses_change_loop_ops none = {.cancelled = NULL};
    struct ses_error error;

    call->loop.service = call->service;
    call->loop.x = call->x;
    call->loop.ops = &none;
    if (ses_gateway_take_place(call, &error) != SES_OK) {
        ses_gateway_fail(call, &error);
        return;
    }
    call->message = call->x->body;
    ses_change_loop_hold(&call->loop);
    ses_gateway_send(call);
}

static const struct ses_gateway_method *method_of(const struct ses_exchange *x)
{
    const struct ses_gateway_method *method;
    size_t i = 0;

    while ((method = ses_gateway_method_at(i++)) != NULL) {
        if (strcmp(ses_gateway_method_path(method), x->route->path) == 0)
            break;
    }
    SES_REQUIRE(method != NULL);
    return method;
}

static void start(struct ses_exchange *x, void *service)
{
    struct ses_gateway_call *call = ses_arena_alloc(&x->arena, sizeof(*call));
    struct ses_error error = {.status = SES_OK};

    if (call == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    memset(call, 0, offsetof(struct ses_gateway_call, loop.found));
    call->service = service;
    call->x = x;
    call->method = method_of(x);
    if (read_call(call, &error) != SES_OK) {
        ses_gateway_fail(call, &error);
        return;
    }
    call->raw_wanted = wants_raw(call);
    if (call->with_session)
        ses_gateway_begin(call);
    else
        send_as_it_is(call);
}

size_t ses_gateway_routes(struct ses_service *service, int metric,
                          struct ses_route ret_routes[SES_GATEWAY_METHODS])
{
    const struct ses_gateway_options *options = &service->options.gateway;
    const struct ses_gateway_method *method;
    size_t count = 0;

    if (options->upstream == NULL)
        return 0;
    for (size_t i = 0; (method = ses_gateway_method_at(i)) != NULL; i++) {
        if ((options->methods >> i & 1u) != 0)
            ret_routes[count++] =
                (struct ses_route){.path = ses_gateway_method_path(method),
                                   .kind = SES_ROUTE_UNARY,
                                   .rights = SES_RIGHT_CONTINUE,
                                   .flow = strrchr(ses_gateway_method_path(method), '/') + 1,
                                   .metric = metric,
                                   .start = start,
                                   .arg = service};
    }
    return count;
}
