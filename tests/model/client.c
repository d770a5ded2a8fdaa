/* A call from its start to its end; the door's side of an exchange. */
#include "client.h"

/* ---- the door -------------------------------------------------------------------------------- */

static void end_call(struct flight *flight, const struct model_told *told)
{
    struct model_call *call = flight->call;

    call->told = *told;
    if (told->how != TOLD_NOTHING)
        call->ended = flight->world->tick;
    else {
        flight->subject->again = call->request;
        flight->subject->again_set = true;
    }
    flight->over = true;
}

/* Each answer of a stream is a look that was taken after the one before. Looks that the round has no room for are
 * not judged. */
static void end_look(struct flight *flight, const struct model_told *told)
{
    struct subject *subject = flight->subject;

    if (subject->round_count < ROUND_MAX && told->how != TOLD_NOT_DONE) {
        struct model_call *call = &subject->round[subject->round_count++];

        *call = flight->watch;
        call->told = *told;
        call->ended = flight->world->tick;
    }
    flight->watch.began = flight->world->tick;
    flight->watch.later = true;
    flight->watch.request.from_version = told->view.version;
}

static void on_send(struct ses_exchange *x, struct ses_slice message)
{
    struct flight *flight = x->stream;
    struct model_told told;

    client_read(flight, message, &told);
    if (flight->call != NULL)
        end_call(flight, &told);
    else
        end_look(flight, &told);
}

static void check_token_end(const struct flight *flight, const struct model_told *told)
{
    const struct model_call *call = flight->call != NULL ? flight->call : &flight->watch;

    if (strcmp(told->reason, "TOKEN_EXPIRED") == 0 &&
        flight->subject->tokens[call->request.token].ends_ms > ses_clock_wall_ms())
        fail_msg("a token was refused before its time was over");
}

static void on_end(struct ses_exchange *x, const struct ses_error *error)
{
    struct flight *flight = x->stream;
    struct model_told told;

    flight->over = true;
    if (error == NULL)
        return;
    client_read_error(error, &told);
    check_token_end(flight, &told);
    if (flight->call != NULL)
        end_call(flight, &told);
    else if (told.how == TOLD_REFUSED && error->status != SES_UNAVAILABLE)
        end_look(flight, &told);
}

/* 503: the shopper is told to come again, and nobody knows. */
static void on_raw(struct ses_exchange *x, int http_status, const char *content_type, struct ses_slice body)
{
    const struct model_told told = {.how = http_status == 503 ? TOLD_NOTHING : TOLD_OK, .http = http_status};

    (void)content_type;
    (void)body;
    end_call(x->stream, &told);
}

static size_t backlog(const struct ses_exchange *x)
{
    (void)x;
    return 0;
}

static const struct ses_exchange_ops door = {on_send, on_end, on_raw, backlog};

/* ---- calls ------------------------------------------------------------------------------------- */

static struct model_proof proof_of(const struct subject *subject, const struct model_request *request)
{
    const struct client_token *token = &subject->tokens[request->token];
    const struct client_handle *handle = &subject->handles[request->handle];

    if (request->method == MODEL_RETURN)
        return (struct model_proof){.session = handle->session, .step = handle->step};
    if (request->token == 0)
        return (struct model_proof){.session = 0};
    return (struct model_proof){.session = token->session, .generation = token->generation};
}

static void remember(struct subject *subject, const struct model_request *request)
{
    if (request->method != MODEL_GET && request->method != MODEL_WATCH)
        subject->asked[subject->asked_count++ % ASKED_MAX] = *request;
    subject->calls++;
}

/* Short ones meet their end while the store or another call keeps them. */
static uint64_t deadline_ms(struct world *world)
{
    return world_chance(world, 30) ? 1100 + world_draw(world, 200) : 1500 + world_draw(world, 1500);
}

static void make_exchange(struct flight *flight, struct core *core, uint8_t method)
{
    struct ses_exchange *x;

    assert_ok(ses_exchange_new(core->pool, &x));
    x->ops = &door;
    x->stream = flight;
    x->route = core_route(core, client_path(method));
    x->deadline_mono_ns = ses_clock_mono_ns() + deadline_ms(flight->world) * MS;
    flight->x = x;
    flight->core = core;
}

void client_call(struct world *world, struct flight *flight, struct subject *subject,
                 const struct model_request *request, unsigned machine)
{
    const struct model_call call = {.request = *request,
                                    .proof = proof_of(subject, request),
                                    .began = world->tick,
                                    .ended = UINT64_MAX,
                                    .machine = machine,
                                    .connector = subject->connector};
    struct core *core = world->machine[machine];

    if (subject->round_count == ROUND_MAX)
        return;
    remember(subject, request);
    *flight = (struct flight){.world = world, .subject = subject, .watch = call};
    if (request->method != MODEL_WATCH) {
        flight->call = &subject->round[subject->round_count++];
        *flight->call = call;
    }
    make_exchange(flight, core, request->method);
    client_fill(flight->x, subject, request);
    flight->x->route->start(flight->x, flight->x->route->arg);
}

void client_leave(struct flight *flight, enum ses_status why)
{
    if (flight->over)
        return;
    if (flight->call != NULL) {
        flight->subject->again = flight->call->request;
        flight->subject->again_set = true;
    }
    flight->over = true;
    ses_exchange_cancel(flight->x, why);
}

bool client_sweep(struct flight *flight)
{
    if (flight->subject == NULL)
        return false;
    if (!flight->over && flight->call != NULL && ses_clock_mono_ns() >= flight->x->deadline_mono_ns)
        client_leave(flight, SES_DEADLINE_EXCEEDED);
    if (!flight->over)
        return false;
    ses_exchange_release(flight->x);
    flight->subject = NULL;
    return true;
}

/* ---- subjects ------------------------------------------------------------------------------------ */

struct subject *subject_new(struct world *world, bool connector)
{
    struct subject *subject = calloc(1, sizeof(*subject));

    assert_non_null(subject);
    (void)snprintf(subject->id, sizeof(subject->id), "order-%u", ++world->subjects);
    subject->connector = connector;
    subject->tokens_count = 1;
    subject->states = calloc(1, sizeof(*subject->states));
    assert_non_null(subject->states);
    subject->states_count = 1;
    return subject;
}

void subject_free(struct subject *subject)
{
    for (unsigned i = 1; i < subject->tokens_count; i++)
        free(subject->tokens[i].text);
    for (unsigned i = 0; i < subject->handles_count; i++)
        free(subject->handles[i].path);
    free(subject->states);
    free(subject);
}
