/* Calls by include/sessiond/upstream/upstream.h, for tests against servers that we have not written.
 *
 *   upstream-caller HOST PORT [--ca FILE] [--cert FILE --key FILE] [--name NAME] [--answer-bytes N] [--idle-ms N]
 *
 * A line of standard input is a call: PATH HEX EFFECT DEADLINE_MS TIMEOUT_MS [NAME=HEX]..; it is made at once. A line of
 * output is an answer, as JSON, bytes in hex, "id" the number of the call. "look" tells the health. Ends behind the last
 * answer when the input has ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>
#include <sessiond/net/tls.h>
#include <sessiond/upstream/upstream.h>

#define LINE_MAX_BYTES (16u << 20)
#define PAIRS_MAX      SES_UPSTREAM_METADATA_MAX
#define FILE_MAX       65536

struct program {
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_tls_client *tls;
    struct ses_upstream *upstream;
    struct ses_upstream_options options;
    uv_pipe_t input;
    struct ses_buf line;
    unsigned calls;
    unsigned answers;
    bool ended;
};

struct call {
    struct program *program;
    unsigned id;
};

_Noreturn static void fail(const char *what)
{
    (void)fprintf(stderr, "upstream-caller: %s\n", what);
    exit(2);
}

static void print_hex(const char *key, struct ses_slice bytes)
{
    char *text = malloc(SES_HEX_SIZE(bytes.len));

    if (text == NULL)
        fail("no memory");
    (void)ses_hex_encode(bytes, text);
    (void)printf("\"%s\": \"%s\", ", key, text);
    free(text);
}

static void leave_if_done(struct program *program)
{
    if (!program->ended || program->answers < program->calls)
        return;
    ses_upstream_free(program->upstream);
    ses_timers_free(program->timers);
}

static void free_later(uv_handle_t *handle)
{
    free(handle);
}

static void on_leave(uv_timer_t *timer)
{
    struct program *program = timer->data;

    uv_close((uv_handle_t *)timer, free_later);
    leave_if_done(program);
}

/* Not from inside a done function. */
static void leave_soon(struct program *program)
{
    uv_timer_t *timer = malloc(sizeof(*timer));

    if (timer == NULL || uv_timer_init(&program->loop, timer) != 0)
        fail("no memory");
    timer->data = program;
    (void)uv_timer_start(timer, on_leave, 0, 0);
}

static void on_answer(void *arg, const struct ses_upstream_answer *answer)
{
    struct call *call = arg;
    struct program *program = call->program;

    (void)printf("{\"id\": %u, \"outcome\": %d, \"status\": %u, ", call->id, (int)answer->outcome,
                 (unsigned)answer->grpc_status);
    print_hex("text", answer->grpc_message);
    print_hex("details", answer->details);
    print_hex("message", answer->message);
    print_hex("why", answer->why);
    (void)printf("\"metadata\": {");
    for (size_t i = 0; i < answer->metadata_count; i++) {
        char name[256];

        (void)snprintf(name, sizeof(name), "%.*s", SES_FMT(answer->metadata[i].name));
        print_hex(name, answer->metadata[i].value);
    }
    (void)printf("\"\": \"\"}}\n");
    (void)fflush(stdout);
    free(call);
    program->answers++;
    if (program->ended && program->answers == program->calls)
        leave_soon(program);
}

static struct ses_slice take_hex(struct ses_slice text, struct ses_buf *room)
{
    size_t at = room->len;
    size_t len = 0;

    if (ses_buf_reserve(room, text.len / 2 + 1) != SES_OK ||
        ses_hex_decode(text, room->data + at, text.len / 2 + 1, &len) != SES_OK)
        fail("a field is not hex");
    room->len += len;
    return ses_slice(room->data + at, len);
}

static uint64_t take_number(struct ses_slice *rest)
{
    uint64_t number;

    if (ses_parse_u64(ses_slice_take_until(rest, ' '), UINT32_MAX, &number) != SES_OK)
        fail("a field is no number");
    return number;
}

static void make_call(struct program *program, struct ses_slice rest)
{
    struct ses_upstream_pair pairs[PAIRS_MAX];
    struct ses_upstream_request request = {.metadata = pairs};
    struct ses_upstream_place place;
    struct ses_buf bytes;
    struct call *call = malloc(sizeof(*call));
    uint64_t deadline_ms;

    if (call == NULL)
        fail("no memory");
    *call = (struct call){.program = program, .id = program->calls++};
    ses_buf_init(&bytes, LINE_MAX_BYTES);
    if (ses_buf_reserve(&bytes, rest.len + PAIRS_MAX) != SES_OK) /* nothing moves then */
        fail("no memory");
    request.path = ses_slice_take_until(&rest, ' ');
    request.message = take_hex(ses_slice_take_until(&rest, ' '), &bytes);
    request.effect = take_number(&rest) != 0;
    deadline_ms = take_number(&rest);
    request.timeout_ms = (uint32_t)take_number(&rest);
    while (rest.len > 0 && request.metadata_count < PAIRS_MAX) {
        struct ses_slice value = ses_slice_take_until(&rest, ' ');
        struct ses_slice name = ses_slice_take_until(&value, '=');

        pairs[request.metadata_count++] = (struct ses_upstream_pair){name, take_hex(value, &bytes)};
    }
    if (ses_upstream_take(program->upstream, 0, &place) != SES_OK ||
        ses_upstream_start(program->upstream, &place, &request,
                           ses_clock_mono_ns() + deadline_ms * SES_NS_PER_MS, on_answer, call) != SES_OK)
        fail("a call was refused");
    ses_buf_done(&bytes);
}

static void on_line(struct program *program, struct ses_slice line)
{
    static const char *const words[] = {"not looked", "up", "down"};

    if (!ses_slice_eq_str(line, "look")) {
        make_call(program, line);
        return;
    }
    (void)printf("{\"health\": \"%s\"}\n", words[ses_upstream_look(program->upstream)]);
    (void)fflush(stdout);
}

/* ---- the input ---------------------------------------------------------------------------------------- */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_room)
{
    (void)handle;
    *ret_room = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_input(uv_stream_t *stream, ssize_t len, const uv_buf_t *room)
{
    struct program *program = stream->data;

    if (len < 0) {
        program->ended = true;
        uv_close((uv_handle_t *)stream, NULL);
        leave_if_done(program);
    } else if (ses_buf_append(&program->line, ses_slice(room->base, (size_t)len)) != SES_OK) {
        fail("a line is too long");
    }
    free(room->base);
    for (;;) {
        size_t end = ses_slice_find(ses_buf_view(&program->line), '\n');

        if (end == program->line.len)
            return;
        on_line(program, ses_slice_cut(ses_buf_view(&program->line), 0, end));
        ses_buf_consume(&program->line, end + 1);
    }
}

/* ---- the command line --------------------------------------------------------------------------------- */

/* One of three, for the life of the program. */
static struct ses_slice read_file(const char *path)
{
    static char rooms[3][FILE_MAX];
    static unsigned used;
    FILE *file = fopen(path, "r");
    char *text = rooms[used++ % 3];
    size_t len;

    if (file == NULL)
        fail("a file cannot be read");
    len = fread(text, 1, FILE_MAX, file);
    (void)fclose(file);
    return ses_slice(text, len);
}

static uint64_t number_of(const char *text)
{
    uint64_t number;

    if (ses_parse_u64(ses_slice_str(text), UINT32_MAX, &number) != SES_OK)
        fail("an option is no number");
    return number;
}

static void take_option(struct program *program, struct ses_tls_client_options *tls, const char *name,
                        const char *value)
{
    if (strcmp(name, "--ca") == 0)
        tls->ca = read_file(value);
    else if (strcmp(name, "--cert") == 0)
        tls->certificate = read_file(value);
    else if (strcmp(name, "--key") == 0)
        tls->key = read_file(value);
    else if (strcmp(name, "--name") == 0)
        program->options.server_name = value;
    else if (strcmp(name, "--answer-bytes") == 0)
        program->options.answer_bytes_max = number_of(value);
    else if (strcmp(name, "--idle-ms") == 0)
        program->options.idle_ms = (uint32_t)number_of(value);
    else
        fail("unknown option");
}

static void take_arguments(struct program *program, int argc, char **argv)
{
    struct ses_tls_client_options tls = {.ca = SES_SLICE_EMPTY};
    struct ses_fault fault;

    if (argc < 3 || argc % 2 == 0)
        fail("usage: upstream-caller HOST PORT [OPTION VALUE]..");
    program->options.host = argv[1];
    program->options.server_name = argv[1];
    program->options.authority = argv[1];
    program->options.port = (uint16_t)number_of(argv[2]);
    for (int i = 3; i < argc; i += 2)
        take_option(program, &tls, argv[i], argv[i + 1]);
    if (tls.ca.len == 0)
        return;
    if (ses_tls_client_new(&tls, &program->tls, &fault) != SES_OK)
        fail(fault.text);
    program->options.tls = program->tls;
}

int main(int argc, char **argv)
{
    static struct program program;

    ses_random_init();
    if (uv_loop_init(&program.loop) != 0 || ses_timers_new(&program.loop, &program.timers) != SES_OK)
        fail("no memory");
    program.options = (struct ses_upstream_options){
        .loop = &program.loop,
        .timers = program.timers,
        .connections = 2,
        .calls_max = 1024,
        .streams_max = 100,
        .owner_percent = 100,
        .connect_ms = 30000,
        .deadline_ms = 600000,
        .idle_ms = 60000,
        .keepalive_ms = 20000,
        .health_ms = 1000,
        .connection_life_ms = 600000,
        .answer_bytes_max = 4u << 20,
        .breaker_failures = 1000,
        .breaker_open_ms = 1000,
    };
    take_arguments(&program, argc, argv);
    if (ses_upstream_new(&program.options, &program.upstream) != SES_OK)
        fail("no memory");
    ses_buf_init(&program.line, LINE_MAX_BYTES);
    if (uv_pipe_init(&program.loop, &program.input, 0) != 0 || uv_pipe_open(&program.input, 0) != 0)
        fail("standard input is no pipe");
    program.input.data = &program;
    if (uv_read_start((uv_stream_t *)&program.input, on_room, on_input) != 0)
        fail("standard input cannot be read");
    (void)uv_run(&program.loop, UV_RUN_DEFAULT);
    ses_tls_client_free(program.tls);
    ses_buf_done(&program.line);
    return 0;
}
