/* The suites' services on sessiond's doors.
 *
 *   suites_server --suite DIR      as connectconformance wants a server: a ServerCompatRequest on standard input, a
 *                                  ServerCompatResponse on standard output, both behind their length (4 bytes, big end
 *                                  first); DIR has certificates for those that ask for TLS
 *   suites_server --port [DIR]     prints its port as a line, and serves; with DIR it takes TLS and plain text
 *
 * Ends with SIGTERM; with --port also when its standard input ends.
 */
#include "stack.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#include <connectrpc/conformance/v1/server_compat.pb-c.h>

#include <sessiond/base/file.h>
#include <sessiond/codec/codec_proto.h>

#define REQUEST_MAX 65536

static void read_request(struct ses_arena *arena,
                         Connectrpc__Conformance__V1__ServerCompatRequest *ret_request)
{
    static uint8_t bytes[REQUEST_MAX];
    ProtobufCMessage *message;
    uint32_t len;

    if (!ses_file_read_all(STDIN_FILENO, (uint8_t *)&len, sizeof(len)) || ntohl(len) > sizeof(bytes) ||
        !ses_file_read_all(STDIN_FILENO, bytes, ntohl(len)))
        stack_fail("no ServerCompatRequest on standard input");
    if (ses_proto_unpack(&connectrpc__conformance__v1__server_compat_request__descriptor,
                         ses_slice(bytes, ntohl(len)), arena, &message) != SES_OK)
        stack_fail("a ServerCompatRequest that does not decode");
    memcpy(ret_request, message, sizeof(*ret_request));
}

static void write_response(struct ses_arena *arena, uint16_t port, struct ses_slice authority)
{
    Connectrpc__Conformance__V1__ServerCompatResponse response;
    char host[] = "127.0.0.1";
    struct ses_slice bytes;
    uint32_t len;

    connectrpc__conformance__v1__server_compat_response__init(&response);
    response.host = host;
    response.port = port;
    response.pem_cert = (ProtobufCBinaryData){authority.len, (uint8_t *)(uintptr_t)authority.data};
    if (ses_proto_pack(&response.base, arena, &bytes) != SES_OK)
        stack_fail("out of memory");
    len = htonl((uint32_t)bytes.len);
    if (!ses_file_write_all(STDOUT_FILENO, ses_slice(&len, sizeof(len))) ||
        !ses_file_write_all(STDOUT_FILENO, bytes))
        stack_fail("standard output");
}

static void open_for_suite(struct stack *stack, const char *dir)
{
    Connectrpc__Conformance__V1__ServerCompatRequest request;
    struct stack_options options = {.tls_dir = NULL};
    struct ses_slice authority = SES_SLICE_EMPTY;
    struct ses_arena arena;

    ses_arena_init(&arena, SES_MIB);
    read_request(&arena, &request);
    if (request.use_tls) {
        options.tls_dir = dir;
        authority = stack_read_file(dir, "ca.pem");
    }
    options.message_max = request.message_receive_limit;
    stack_open(stack, &options);
    write_response(&arena, stack->port, authority);
    ses_arena_done(&arena);
}

int main(int argc, char **argv)
{
    struct stack_options options = {.tls_dir = argc > 2 ? argv[2] : NULL, .watch_input = true};
    static struct stack stack;

    ses_tls_memory_init();
    if (argc == 3 && strcmp(argv[1], "--suite") == 0) {
        open_for_suite(&stack, argv[2]);
    } else if (argc >= 2 && strcmp(argv[1], "--port") == 0) {
        stack_open(&stack, &options);
        (void)printf("%u\n", (unsigned)stack.port);
        (void)fflush(stdout);
    } else {
        (void)fprintf(stderr, "usage: suites_server --suite DIR | --port [DIR]\n");
        return 2;
    }
    stack_run(&stack);
    stack_close(&stack);
    return 0;
}
