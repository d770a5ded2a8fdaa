#include "exchange/door.h"

#include <stdio.h>

#include <grpc/reflection/v1/reflection.pb-c.h>

#include "descriptor.h"
#include <sessiond/exchange/reflection.h>
#include <sessiond/codec/codec_proto.h>

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;

static struct ses_exchange_pool *pool;
static struct ses_reflection *reflection;
static struct ses_route routes[SES_REFLECTION_ROUTES];
static struct door door;
static struct ses_arena arena;

static int setup(void **state)
{
    (void)state;
    pool = door_pool(0);
    memset(&door, 0, sizeof(door));
    ses_arena_init(&arena, 4u * 1024 * 1024);
    if (ses_reflection_new(&reflection) != SES_OK)
        return -1;
    ses_reflection_routes(reflection, 7, routes);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_reflection_free(reflection);
    ses_arena_done(&arena);
    if (ses_exchange_pool_open(pool) != 0)
        return -1;
    ses_exchange_pool_free(pool);
    return 0;
}

static struct ses_slice question(unsigned which, const char *text)
{
    Request request;
    struct ses_slice bytes;
    static char host[] = "h";

    grpc__reflection__v1__server_reflection_request__init(&request);
    request.host = host;
    memcpy(&request.message_request_case, &which,
           sizeof(which)); /* the enum's sign differs between compilers */
    request.file_by_filename =
        ses_arena_str(&arena, ses_slice_str(text)); /* all text questions share the place */
    assert_ok(ses_proto_pack(&request.base, &arena, &bytes));
    return bytes;
}

/* Asks on a stream of its own. */
static const Response *ask_bytes(struct ses_slice bytes)
{
    struct ses_exchange *x = door_exchange(pool, &door, &routes[0]);
    ProtobufCMessage *message;

    memset(&door, 0, sizeof(door));
    x->body = bytes;
    x->route->start(x, x->route->arg);
    assert_int_equal(door.sent, 1);
    assert_int_equal(door.ended, 0);
    x->route->half_close(x, x->route->arg);
    assert_int_equal(door.ended, 1);
    assert_false(door.failed);
    ses_exchange_release(x);
    assert_ok(ses_proto_unpack(&grpc__reflection__v1__server_reflection_response__descriptor,
                               door_message(&door, 0), &arena, &message));
    return (const void *)message;
}

static const Response *ask(unsigned which, const char *text)
{
    const Response *response = ask_bytes(question(which, text));

    assert_string_equal(response->valid_host, "h");
    assert_int_equal(response->original_request->message_request_case, which);
    assert_string_equal(response->original_request->file_by_filename, text);
    return response;
}

#define BY_FILENAME       3
#define CONTAINING_SYMBOL 4
#define EXTENSION_NUMBERS 6
#define LIST_SERVICES     7

static void test_routes(void **state)
{
    (void)state;
    assert_string_equal(routes[0].path, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    assert_string_equal(routes[1].path, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
    assert_int_equal(routes[1].kind, SES_ROUTE_BIDI);
    assert_int_equal(routes[1].metric, 8);
}

static void test_list_services(void **state)
{
    (void)state;
    const Response *response = ask(LIST_SERVICES, "*");
    static const char *const expected[] = {
        "types.MerchantAuthenticationService", "sessiond.v1.SessionService",
        "sessiond.v1.OperatorService",         "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"};

    assert_int_equal(response->message_response_case, 6);
    assert_int_equal(response->list_services_response->n_service, 6);
    for (size_t i = 0; i < 6; i++) {
        bool found = false;
        for (size_t k = 0; k < 6; k++)
            found = found || strcmp(response->list_services_response->service[k]->name, expected[i]) == 0;
        assert_true(found);
    }
}

/* Name of a FileDescriptorProto: its first field. */
static struct ses_slice file_name(const ProtobufCBinaryData *file)
{
    assert_true(file->len > 2 && file->data[0] == 0x0a);
    return ses_slice(file->data + 2, file->data[1]);
}

static void test_file_with_its_imports(void **state)
{
    (void)state;
    const Response *response = ask(BY_FILENAME, "payment_types/merchant_authentication.proto");
    const Grpc__Reflection__V1__FileDescriptorResponse *files = response->file_descriptor_response;

    assert_int_equal(response->message_response_case, 4);
    assert_int_equal(
        files->n_file_descriptor_proto,
        12); /* with browser client connector customer country error money currency method secret state */
    assert_slice_equal(file_name(&files->file_descriptor_proto[0]),
                       "payment_types/merchant_authentication.proto");
    for (size_t i = 0; i < files->n_file_descriptor_proto; i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(ses_slice_eq(file_name(&files->file_descriptor_proto[i]),
                                      file_name(&files->file_descriptor_proto[k])));
    }
    response = ask(BY_FILENAME, "payment_types/secret.proto");
    assert_int_equal(response->file_descriptor_response->n_file_descriptor_proto, 1);
}

static void test_symbols(void **state)
{
    (void)state;
    static const struct {
        const char *symbol;
        const char *file;
    } rows[] = {
        {"types.MerchantAuthenticationService", "payment_types/merchant_authentication.proto"},
        {"types.MerchantAuthenticationService.CreateSessionToken",
         "payment_types/merchant_authentication.proto"},
        {"types.Money", "payment_types/money.proto"},
        {"types.Money.minor_amount", "payment_types/money.proto"},
        {"types.Currency", "payment_types/currency.proto"},
        {"types.USD", "payment_types/currency.proto"},
        {"sessiond.v1.Money", "sessiond/v1/money.proto"},
        {"sessiond.v1.USD", "sessiond/v1/currency.proto"},
        {"types.MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenRequest.domain_context",
         "payment_types/merchant_authentication.proto"},
        {"google.rpc.BadRequest.FieldViolation", "google/rpc/error_details.proto"},
        {"google.rpc.ErrorInfo.MetadataEntry", "google/rpc/error_details.proto"},
        {"google.protobuf.Any", "google/protobuf/any.proto"},
        {"grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"},
        {"grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"},
        {"grpc.reflection.v1alpha.ServerReflection", "grpc/reflection/v1alpha/reflection.proto"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const Response *response = ask(CONTAINING_SYMBOL, rows[i].symbol);
        if (response->message_response_case != 4)
            fail_msg("%s not found", rows[i].symbol);
        assert_true(ses_slice_eq_str(file_name(&response->file_descriptor_response->file_descriptor_proto[0]),
                                     rows[i].file));
    }
}

static void assert_error(const Response *response, int code)
{
    assert_int_equal(response->message_response_case, 7);
    assert_int_equal(response->error_response->error_code, code);
    assert_true(strlen(response->error_response->error_message) > 0);
}

static void test_not_found(void **state)
{
    (void)state;
    static const char *const unknown[] = {"",
                                          "types",
                                          "types.",
                                          "types.Mone",
                                          "types.Money.",
                                          ".types.Money",
                                          "types.money",
                                          "sessiond.store.v1.SessionRecord"};

    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_error(ask(CONTAINING_SYMBOL, unknown[i]), 5);
    assert_error(ask(BY_FILENAME, "types/none.proto"), 5);
    assert_error(ask(BY_FILENAME, "sessiond/store/v1/record.proto"),
                 5); /* the stored form is nobody's business */
    assert_error(ask(EXTENSION_NUMBERS, "types.None"), 5);
    assert_error(ask(EXTENSION_NUMBERS, "types.Currency"), 5);
    assert_error(ask_bytes(SES_STR("\x2a\x0f\x0a\x0btypes.Money\x10\x64")), 5);
    assert_error(ask_bytes(SES_SLICE_EMPTY), 3);
}

static void test_extension_numbers_of_a_known_type(void **state)
{
    (void)state;
    const Response *response = ask(EXTENSION_NUMBERS, "types.Money");

    assert_int_equal(response->message_response_case, 5);
    assert_string_equal(response->all_extension_numbers_response->base_type_name, "types.Money");
    assert_int_equal(response->all_extension_numbers_response->n_extension_number, 0);
}

static void test_many_questions_on_one_stream(void **state)
{
    (void)state;
    struct ses_exchange *x = door_exchange(pool, &door, &routes[1]);
    struct ses_slice bytes = question(CONTAINING_SYMBOL, "types.MerchantAuthenticationService");
    size_t memory = 0;

    x->body = bytes;
    x->route->start(x, x->route->arg);
    for (int i = 1; i < 60; i++) {
        x->route->message(x, bytes, x->route->arg);
        memory = i == 1 ? x->arena.total : memory;
    }
    assert_int_equal(door.sent, 60);
    assert_int_equal(x->arena.total, memory); /* a long stream does not grow */
    x->route->half_close(x, x->route->arg);
    assert_int_equal(door.ended, 1);
    ses_exchange_release(x);
}

static void test_client_that_does_not_read(void **state)
{
    (void)state;
    struct ses_exchange *x = door_exchange(pool, &door, &routes[0]);

    door.backlog = 2u * 1024 * 1024;
    x->body = question(LIST_SERVICES, "");
    x->route->start(x, x->route->arg);
    assert_int_equal(door.sent, 0);
    assert_int_equal(door.error.status, SES_RESOURCE_EXHAUSTED);
    x->route->half_close(x, x->route->arg);
    assert_int_equal(door.ended, 1);
    ses_exchange_release(x);
}

static void test_malformed_and_oversized(void **state)
{
    (void)state;
    char *name = malloc(20001);
    struct ses_exchange *x = door_exchange(pool, &door, &routes[0]);

    x->body = SES_STR("\x1a\x05x");
    x->route->start(x, x->route->arg);
    assert_int_equal(ses_status_grpc(door.error.status), 3);
    ses_exchange_release(x);

    memset(name, 'x', 20000);
    name[20000] = '\0';
    x = door_exchange(pool, &door, &routes[0]);
    x->body = question(BY_FILENAME, name);
    x->route->start(x, x->route->arg);
    assert_int_equal(ses_status_grpc(door.error.status), 8);
    ses_exchange_release(x);
    free(name);
}

static void test_index_of_damaged_sets(void **state)
{
    (void)state;
    struct ses_slice set = ses_protoset();
    struct ses_descriptors *descriptors;

    /* any cut: an error, or the index of what is whole; never a read behind the end (ASan watches) */
    for (size_t cut = 0; cut < set.len; cut += 13) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, set.data, cut);
        enum ses_status status = ses_descriptors_new(ses_slice(exact, cut), &descriptors);
        assert_true(status == SES_OK || status == SES_MALFORMED);
        if (status == SES_OK)
            ses_descriptors_free(descriptors);
        free(exact);
    }
    assert_int_equal(ses_descriptors_new(SES_STR("\x0a\x06\x0a\x01x\x1a\x01y"), &descriptors),
                     SES_MALFORMED); /* unknown import */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_routes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_services, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_with_its_imports, setup, teardown),
        cmocka_unit_test_setup_teardown(test_symbols, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extension_numbers_of_a_known_type, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_questions_on_one_stream, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_does_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed_and_oversized, setup, teardown),
        cmocka_unit_test_setup_teardown(test_index_of_damaged_sets, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
