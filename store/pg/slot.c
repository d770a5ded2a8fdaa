#include "slot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sessiond/base/boot_clock.h>
#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>

#include "array.h"
#include "rules.h"

#define WELCOME_MS 60000

static void enter(struct pg_slot *slot, enum pg_slot_state state)
{
    slot->state = state;
    slot->since_mono_ns = ses_clock_mono_ns();
    if (state == PG_SLOT_READY)
        slot->ready_mono_ns = slot->since_mono_ns;
}

static void set_out(struct pg_slot *slot, enum pg_errand errand)
{
    slot->errand = errand;
    slot->sent_mono_ns = ses_clock_mono_ns();
}

/* ---- the way to a connection ---- */

/* Told later, like all ends: by the next turn. */
static void give_up(struct pg_slot *slot)
{
    slot->since_mono_ns = 0;
}

static void connect_to(struct pg_slot *slot, const char *address)
{
    struct pg_parameters parameters;

    ses_pg_target_parameters(slot->target, slot->node, address, slot->password, &parameters);
    enter(slot, PG_SLOT_CONNECTING);
    if (!ses_pg_conn_start(&slot->conn, &parameters))
        give_up(slot);
}

static void on_resolved(void *arg, const struct pg_addresses *addresses)
{
    struct pg_slot *slot = arg;

    slot->resolve = NULL;
    if (addresses->count == 0)
        give_up(slot);
    else
        connect_to(slot, addresses->text[slot->address % addresses->count]);
}

void ses_pg_slot_start(struct pg_slot *slot, const struct pg_target *target, unsigned node, unsigned address,
                       const char *password)
{
    const char *host = target->names.host[node];

    SES_REQUIRE(slot->state == PG_SLOT_EMPTY);
    slot->target = target;
    slot->node = node;
    slot->address = address;
    slot->password = password;
    slot->timeline = 0;
    if (host[0] == '/' || host[0] == '@') {
        connect_to(slot, NULL);
        return;
    }
    if (target->address[node][0] != '\0' || ses_pg_is_address(host)) {
        connect_to(slot, target->address[node][0] != '\0' ? target->address[node] : host);
        return;
    }
    enter(slot, PG_SLOT_RESOLVING);
    slot->resolve = ses_pg_resolve(slot->conn.loop, host, on_resolved, slot);
    if (slot->resolve == NULL)
        give_up(slot);
}

/* ---- its end ---- */

static void answer(struct pg_request *request, enum pg_end end, const PGresult *result, const char *sqlstate)
{
    struct pg_answer told = {.end = end, .result = result};

    (void)snprintf(told.sqlstate, sizeof(told.sqlstate), "%s", sqlstate);
    request->done(request, &told);
}

/* Whether that is a write: what a connection for reading or listening is asked is none, but for its beat. */
static bool is_write(const struct pg_slot *slot, enum pg_errand errand)
{
    return errand == PG_ERRAND_BEAT || errand == PG_ERRAND_SEAL ||
           (errand == PG_ERRAND_REQUEST && slot->use != PG_USE_READ && slot->use != PG_USE_LISTEN);
}

static void lose_request(struct pg_slot *slot)
{
    struct pg_request *request = slot->request;

    slot->request = NULL;
    slot->errand = PG_ERRAND_NONE;
    PQclear(slot->held);
    slot->held = NULL;
    if (request != NULL)
        answer(request, PG_END_UNKNOWN, NULL, "");
}

static void empty(struct pg_slot *slot)
{
    ses_pg_resolve_drop(slot->resolve);
    slot->resolve = NULL;
    ses_pg_conn_close(&slot->conn);
    enter(slot, PG_SLOT_EMPTY);
}

void ses_pg_slot_close(struct pg_slot *slot)
{
    if (slot->state == PG_SLOT_EMPTY)
        return;
    empty(slot);
    lose_request(slot);
}

/* What was on its way when the connection went may have been done, and be seen here and nowhere else. */
static void finish(struct pg_slot *slot, const struct pg_fault *fault)
{
    enum pg_slot_state was = slot->state;

    empty(slot);
    if (is_write(slot, slot->errand))
        slot->ops->doubted(slot, false);
    lose_request(slot);
    if (slot->state == PG_SLOT_EMPTY)
        slot->ops->ended(slot, was, fault);
}

static void on_down(struct pg_conn *conn, const struct pg_fault *fault)
{
    finish(SES_CONTAINER(conn, struct pg_slot, conn), fault);
}

/* ---- errands ---- */

static void on_up(struct pg_conn *conn)
{
    struct pg_slot *slot = SES_CONTAINER(conn, struct pg_slot, conn);
    char text[PG_GREET_SIZE];
    uint64_t chance;

    ses_random_bytes(&chance, sizeof(chance));
    (void)snprintf(slot->mark, sizeof(slot->mark), "%016" PRIx64, chance);
    ses_pg_greet(slot->mark, text);
    enter(slot, PG_SLOT_LOOKING);
    set_out(slot, PG_ERRAND_LOOK);
    ses_pg_conn_query(conn, text);
}

void ses_pg_slot_await(struct pg_slot *slot)
{
    enter(slot, PG_SLOT_STANDBY);
}

void ses_pg_slot_look(struct pg_slot *slot)
{
    SES_REQUIRE(slot->errand == PG_ERRAND_NONE);
    set_out(slot, PG_ERRAND_LOOK);
    ses_pg_conn_query(&slot->conn, ses_pg_look_text);
}

/* Of prepared statements a connection's own session is relied upon; without, a pooler may give each statement to another one. */
static void execute(struct pg_slot *slot, const struct pg_statement *statement, const char *const *values,
                    const int *lengths)
{
    const char *const server[] = {slot->server};
    const int length[] = {(int)strlen(slot->server)};
    const struct pg_guard guard = {.statement = &ses_pg_guard_sql, .values = server, .lengths = length};

    if (slot->options->prepare)
        ses_pg_conn_execute(&slot->conn, statement, values, lengths);
    else
        ses_pg_conn_execute_guarded(&slot->conn, &guard, statement, values, lengths);
}

static void send_beat(struct pg_slot *slot, enum pg_errand errand)
{
    uint8_t watches_ms[4];
    const char *const values[] = {(const char *)slot->options->machine, (const char *)watches_ms};
    const int lengths[] = {SES_PG_MACHINE_BYTES, sizeof(watches_ms)};

    set_out(slot, errand);
    slot->sent_ms = ses_clock_boot_ms();
    slot->sent_wall_ms = ses_clock_wall_ms();
    slot->said = slot->hints && *slot->watches;
    ses_pg_put32(watches_ms, slot->said ? PG_BEAT_HOLD_MS : 0);
    execute(slot, slot->hints ? &ses_pg_beat_watched_sql : &ses_pg_beat_sql, values, lengths);
}

void ses_pg_slot_beat(struct pg_slot *slot)
{
    SES_REQUIRE(slot->errand == PG_ERRAND_NONE);
    if (slot->state != PG_SLOT_READY)
        enter(slot, PG_SLOT_BARRIER);
    send_beat(slot, PG_ERRAND_BEAT);
}

void ses_pg_slot_pass(struct pg_slot *slot, const struct pg_look *look)
{
    const struct pg_beat beat = {.look = *look, .sent_ms = ses_clock_boot_ms()};

    enter(slot, PG_SLOT_READY);
    (void)slot->ops->beaten(slot, &beat);
}

void ses_pg_slot_request(struct pg_slot *slot, struct pg_request *request)
{
    SES_REQUIRE(ses_pg_slot_is_free(slot));
    set_out(slot, PG_ERRAND_REQUEST);
    slot->request = request;
    request->sent_mono_ns = slot->sent_mono_ns;
    request->connection = slot;
    execute(slot, request->statement, request->values, request->lengths);
}

/* What settles has seen a row, or that there is none, here; a commit that somebody cut short is seen too,
 * and no other machine has it. A later write of the same connection that a standby acknowledges has all of
 * it there. */
static void on_request(struct pg_slot *slot, const struct pg_answer *told)
{
    struct pg_request *request = slot->request;

    if (slot->use == PG_USE_SETTLE && told->end == PG_END_DONE && ses_pg_rule(PG_RULE_SEAL)) {
        slot->held = slot->conn.answered;
        slot->conn.answered = NULL;
        slot->errand = PG_ERRAND_SEAL;
        return;
    }
    slot->request = NULL;
    request->done(request, told);
}

/* Of a beat that was acknowledged. */
static bool beat_of(const struct pg_slot *slot, const struct pg_answer *told, struct pg_beat *ret_beat)
{
    ret_beat->sent_ms = slot->sent_ms;
    ret_beat->said = slot->said;
    if (told->end != PG_END_DONE || !ses_pg_look_read(told->result, &ret_beat->look))
        return false;
    ret_beat->look.swapped = slot->options->prepare && strcmp(ret_beat->look.connection, slot->mark) != 0;
    ret_beat->skew_ms =
        ses_pg_look_skew_ms(ret_beat->look.server_ms, slot->sent_wall_ms, ses_clock_wall_ms());
    return true;
}

static void on_seal(struct pg_slot *slot, bool sealed)
{
    struct pg_request *request = slot->request;
    PGresult *held = slot->held;

    if (request == NULL)
        return; /* the slot was closed for what the beat said */
    slot->request = NULL;
    slot->held = NULL;
    answer(request, sealed ? PG_END_DONE : PG_END_UNKNOWN, sealed ? held : NULL, "");
    PQclear(held);
}

static void on_look(struct pg_slot *slot, const struct pg_answer *told)
{
    struct pg_look look;

    if (told->end == PG_END_DONE && ses_pg_look_read(told->result, &look)) {
        slot->timeline = look.timeline;
        memcpy(slot->server, look.server, sizeof(slot->server));
        slot->hints = look.hints;
        slot->ops->looked(slot, &look);
    } else {
        slot->ops->refused(slot, told->sqlstate);
    }
}

/* true: it counts. */
static bool on_beat(struct pg_slot *slot, const struct pg_answer *told)
{
    struct pg_beat beat;

    if (!beat_of(slot, told, &beat)) {
        slot->ops->refused(slot, told->sqlstate);
        return false;
    }
    if (slot->state == PG_SLOT_BARRIER)
        enter(slot, PG_SLOT_READY);
    slot->timeline = beat.look.timeline;
    slot->hints = beat.look.hints;
    return slot->ops->beaten(slot, &beat);
}

/* A pooler went to another server, or to the same one in its next life: nothing was done there, and what was known of this
 * connection is over. What was to be sealed is not. */
static void on_elsewhere(struct pg_slot *slot, enum pg_errand errand)
{
    static const struct pg_fault fault = {.text = "a pooler gave the connection to another server"};
    struct pg_request *request = errand == PG_ERRAND_REQUEST ? slot->request : NULL;

    if (request != NULL)
        slot->request = NULL;
    finish(slot, &fault);
    if (request != NULL)
        answer(request, PG_END_REFUSED, NULL, "57P01");
}

static void on_answer(struct pg_conn *conn, const struct pg_answer *answered)
{
    struct pg_slot *slot = SES_CONTAINER(conn, struct pg_slot, conn);
    enum pg_errand errand = slot->errand;
    struct pg_answer told = *answered;

    slot->errand = PG_ERRAND_NONE;
    if (is_write(slot, errand))
        slot->answered_mono_ns = slot->sent_mono_ns;
    /* A warning means something where something is written. */
    if (told.end == PG_END_UNKNOWN && !(is_write(slot, errand) && ses_pg_rule(PG_RULE_WARNING)))
        told = (struct pg_answer){.end = PG_END_DONE, .result = conn->answered};
    if (told.end == PG_END_UNKNOWN)
        slot->ops->doubted(slot, true);
    if (told.elsewhere)
        on_elsewhere(slot, errand);
    else if (errand == PG_ERRAND_LOOK)
        on_look(slot, &told);
    else if (errand == PG_ERRAND_BEAT)
        (void)on_beat(slot, &told);
    else if (errand == PG_ERRAND_REQUEST)
        on_request(slot, &told);
    else if (errand == PG_ERRAND_SEAL)
        on_seal(slot, on_beat(slot, &told));
}

static void on_idle(struct pg_conn *conn)
{
    struct pg_slot *slot = SES_CONTAINER(conn, struct pg_slot, conn);

    if (slot->errand == PG_ERRAND_SEAL)
        send_beat(slot, PG_ERRAND_SEAL);
    else if (ses_pg_slot_is_free(slot))
        slot->ops->idle(slot);
}

static void on_notified(struct pg_conn *conn, const char *payload)
{
    struct pg_slot *slot = SES_CONTAINER(conn, struct pg_slot, conn);

    slot->ops->notified(slot, payload);
}

static const struct pg_conn_ops conn_ops = {
    .up = on_up,
    .down = on_down,
    .answer = on_answer,
    .idle = on_idle,
    .notified = on_notified,
};

void ses_pg_slot_init(struct pg_slot *slot, const struct ses_pg_options *options, const bool *watches,
                      const struct pg_slot_ops *ops, enum pg_use use, void *owner)
{
    *slot = (struct pg_slot){.ops = ops, .owner = owner, .options = options, .watches = watches, .use = use};
    ses_pg_conn_init(&slot->conn, options->loop, &conn_ops);
}

/* ---- time ---- */

uint64_t ses_pg_slot_waits_since(const struct pg_slot *slot)
{
    bool writes =
        slot->errand == PG_ERRAND_BEAT || (slot->errand == PG_ERRAND_REQUEST && slot->use == PG_USE_WRITE);

    return writes ? slot->sent_mono_ns : 0;
}

void ses_pg_slot_turn(struct pg_slot *slot, uint64_t now_mono_ns)
{
    struct pg_fault fault = {.sqlstate = ""};
    uint64_t limit_ms = slot->options->connect_timeout_ms;

    ses_pg_conn_turn(&slot->conn);
    if (slot->state != PG_SLOT_RESOLVING && slot->state != PG_SLOT_CONNECTING)
        return;
    if (ses_pg_conn_is_taken(&slot->conn))
        limit_ms = WELCOME_MS;
    if (now_mono_ns < slot->since_mono_ns + limit_ms * SES_NS_PER_MS)
        return;
    (void)snprintf(fault.text, sizeof(fault.text), "%s",
                   slot->state == PG_SLOT_RESOLVING
                       ? "the host's name has no address, or its resolver does not answer"
                       : "no connection in time");
    finish(slot, &fault);
}
