/* A worker at five times its knee, as bench/overload.py plays it with a real one: connections with their sockets, turns
 * of a loop that reads parts of them, clients that open as many streams as they may and give up what finds none. The
 * controller, the shares, the allowance and the reading are the real ones; the machine is a model whose clock is its
 * work.
 *
 *   greedy          4 connections, 4 x the knee
 *   others          5 merchants with a connection each, 0.6 x the knee together
 *   continuations   2 connections, 0.4 x the knee, worth 9/26 of a creation each (bench/README.md)
 */
#include <math.h>
#include <stdlib.h>

#include "allowance.h"
#include "excess.h"
#include "overload.h"
#include "tally.h"
#include "unit.h"

#define START_NS       1e12
#define CREATE_NS      54e3
#define COMMIT_NS      1e6 /* of a turn with a creation */
#define CONTINUE_NS    20e3
#define REFUSE_NS      7.5e3
#define TURN_NS        20e3
#define READ_NS        3e3
#define SYNC_NS        3e6
#define KNEE           (0.97e9 / 58e3) /* calls a second of the machine at full speed */
#define CREATE_BYTES   150
#define CONTINUE_BYTES 460
#define READ_BYTES     20480u /* of net/conn_impl.h, as are the next three */
#define LITTLE_BYTES   6144
#define BUSY_READS     4u
#define THROTTLED      64
#define GIVE_UP_NS     500e6
#define GET_WORTH      (9.0 / 26)
#define QUEUE          (1u << 17) /* calls, a power of two */
#define CONNS          11
#define CLIENTS        7

struct conn {
    unsigned client;
    unsigned streams, streams_max;
    unsigned in_flight;
    double due[QUEUE]; /* in its socket */
    unsigned head, tail;
    unsigned behind;
    struct ses_conn_calls calls;
    enum ses_conn_reading reading;
    double waits_since_ns;
};

struct client {
    bool reads;
    double rate;
    double next_ns;
    double until_ns;
    double due[QUEUE]; /* not sent yet */
    unsigned head, tail;
    unsigned first, count; /* of conns */
    unsigned long asked, right, refused, given_up;
};

struct running {
    unsigned conn;
    double due_ns, started_ns, done_ns;
};

static struct machine {
    double speed;
    double now_ns, cpu_ns;
    struct conn conns[CONNS];
    struct client clients[CLIENTS];
    unsigned conns_count, clients_count;
    struct running running[QUEUE];
    unsigned head, tail;
    unsigned waiting[QUEUE];
    unsigned waiting_head, waiting_tail;
    struct ses_overload overload;
    struct ses_allowance allowance;
    struct ses_tally *tally;
    double level, excess_level;
    unsigned calms; /* times that shedding has ended */
} m;

enum { READER, OTHER, GREEDY = OTHER + 5 };

static void add(bool reads, double part, unsigned conns, unsigned streams)
{
    struct client *client = &m.clients[m.clients_count];

    *client = (struct client){
        .reads = reads, .rate = part * KNEE * m.speed, .next_ns = m.now_ns, .until_ns = INFINITY};
    client->first = m.conns_count;
    client->count = conns;
    for (unsigned i = 0; i < conns; i++)
        m.conns[m.conns_count++] =
            (struct conn){.client = m.clients_count, .streams = streams, .streams_max = streams};
    m.clients_count++;
}

static int setup(void **state)
{
    (void)state;
    memset(&m, 0, sizeof(m));
    m.now_ns = START_NS;
    m.level = m.excess_level = INFINITY;
    ses_overload_init(&m.overload, 250 * SES_NS_PER_MS, (uint64_t)m.now_ns);
    assert_ok(ses_tally_new(&m.tally));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_tally_free(m.tally);
    return 0;
}

/* ---- clients */

static struct conn *with_room(struct client *client)
{
    struct conn *best = NULL;

    for (unsigned i = 0; i < client->count; i++) {
        struct conn *conn = &m.conns[client->first + i];

        if (conn->in_flight < conn->streams && (best == NULL || conn->in_flight < best->in_flight))
            best = conn;
    }
    return best;
}

static void send_due(struct client *client)
{
    for (; client->next_ns <= m.now_ns && client->next_ns < client->until_ns; client->asked++) {
        client->due[client->tail++ % QUEUE] = client->next_ns;
        client->next_ns += 1e9 / client->rate;
        assert_true(client->tail - client->head <= QUEUE);
    }
    while (client->head != client->tail) {
        double due_ns = client->due[client->head % QUEUE];
        struct conn *conn = with_room(client);

        if (!client->reads && m.now_ns - due_ns > GIVE_UP_NS) {
            client->given_up++;
        } else if (conn != NULL) {
            conn->due[conn->tail++ % QUEUE] = due_ns;
            conn->in_flight++;
        } else {
            break;
        }
        client->head++;
    }
}

static void answer(struct conn *conn, bool right)
{
    struct client *client = &m.clients[conn->client];

    conn->in_flight--;
    if (right)
        client->right++;
    else
        client->refused++;
}

/* ---- the worker */

static void work(double ns)
{
    m.now_ns += ns / m.speed;
    m.cpu_ns += ns;
}

static void read_as(struct conn *conn, enum ses_conn_reading reading)
{
    if (conn->reading == SES_READ_LATER || reading == conn->reading)
        return;
    conn->reading = reading;
    conn->streams = reading >= SES_READ_EXCESS ? THROTTLED : conn->streams_max;
    if (reading != SES_READ_LATER)
        return;
    conn->waits_since_ns = m.now_ns;
    m.waiting[m.waiting_tail++ % QUEUE] = (unsigned)(conn - m.conns);
}

/* As admission.c does it. */
static bool admit(struct conn *conn, bool creation)
{
    struct ses_overload *o = &m.overload;
    enum ses_work kind = creation ? SES_WORK_CREATE : SES_WORK_CONTINUE;
    uint64_t now_ns = (uint64_t)m.now_ns;

    ses_overload_arrived(o, now_ns, conn->behind);
    if (!o->shedding)
        return !ses_overload_turn_is_long(o, kind, now_ns);
    struct ses_tally_entry *merchant = ses_tally_find(m.tally, conn->client + 1, now_ns);
    bool excess = creation && merchant->asked > m.excess_level;
    bool in = creation ? ses_tally_take_share(merchant, o->costs.ns[SES_COST_CREATE], m.level, now_ns)
                       : !ses_overload_turn_is_long(o, kind, now_ns);

    if (excess)
        ses_overload_pressed(o);
    if (!in)
        ses_allowance_spend(&m.allowance, o->costs.ns[SES_COST_REFUSED]);
    read_as(conn, ses_excess_note(&conn->calls, creation, excess, ses_allowance_is_spent(&m.allowance)));
    return in;
}

static void take(struct conn *conn)
{
    bool creation = !m.clients[conn->client].reads;
    double due_ns = conn->due[conn->head++ % QUEUE], started_ns = m.now_ns;

    if (!admit(conn, creation)) {
        ses_overload_refused(&m.overload, true);
        work(REFUSE_NS);
        answer(conn, false);
        return;
    }
    ses_overload_entered(&m.overload);
    work(creation ? CREATE_NS : CONTINUE_NS);
    m.running[m.tail++ % QUEUE] = (struct running){.conn = (unsigned)(conn - m.conns),
                                                   .due_ns = due_ns,
                                                   .started_ns = started_ns,
                                                   .done_ns = creation ? m.now_ns + SYNC_NS : m.now_ns};
}

/* One part of its socket. */
static bool read_part(struct conn *conn)
{
    unsigned waiting = conn->tail - conn->head;
    unsigned size = m.clients[conn->client].reads ? CONTINUE_BYTES : CREATE_BYTES;
    unsigned part = LITTLE_BYTES / size;

    if (conn->reading == SES_READ_LATER || waiting == 0)
        return false;
    if (conn->reading == SES_READ_FULLY)
        part = READ_BYTES * (m.overload.shedding ? BUSY_READS : 1u) / size;
    part = part < waiting ? part : waiting;
    conn->behind = conn->reading < SES_READ_EXCESS ? (waiting - part) / part : 0;
    work(READ_NS);
    for (unsigned i = 0; i < part; i++)
        take(conn);
    return true;
}

static void end_running(void)
{
    for (; m.head != m.tail && m.running[m.head % QUEUE].done_ns <= m.now_ns; m.head++) {
        const struct running *r = &m.running[m.head % QUEUE];
        bool reads = m.clients[m.conns[r->conn].client].reads;

        ses_overload_ended(&m.overload, reads ? SES_WORK_CONTINUE : SES_WORK_CREATE, (uint64_t)r->started_ns,
                           false);
        ses_allowance_earn(&m.allowance, m.overload.costs.ns[reads ? SES_COST_CONTINUE : SES_COST_CREATE]);
        answer(&m.conns[r->conn], true);
    }
}

static void judge(void)
{
    struct ses_overload *o = &m.overload;
    double length_ns = m.now_ns - (double)o->window_began_ns;

    if (!ses_overload_turn_end(o, (uint64_t)m.now_ns))
        return;
    bool before = o->shedding;

    ses_overload_window_end(o, (uint64_t)m.now_ns, (uint64_t)m.cpu_ns + 1);
    m.calms += before && !o->shedding ? 1 : 0;
    m.level = o->shedding ? ses_tally_level(m.tally, o->room, length_ns) : INFINITY;
    if (!o->shedding || !isinf(m.level))
        m.excess_level = m.level;
}

static void wake_first(void)
{
    m.conns[m.waiting[m.waiting_head++ % QUEUE]].reading = SES_READ_EXCESS;
}

static void unthrottle(bool idle)
{
    bool all = !m.overload.shedding;

    if (all || idle || !ses_allowance_is_spent(&m.allowance)) {
        for (unsigned n = all ? UINT32_MAX : 1; n > 0 && m.waiting_head != m.waiting_tail; n--)
            wake_first();
    }
    while (m.waiting_head != m.waiting_tail &&
           m.now_ns - m.conns[m.waiting[m.waiting_head % QUEUE]].waits_since_ns >= SES_CONN_THROTTLE_MS * 1e6)
        wake_first();
    for (unsigned i = 0; all && i < m.conns_count; i++)
        read_as(&m.conns[i], SES_READ_FULLY);
}

static void turn(void)
{
    unsigned creations = m.tail;
    bool any = false;

    for (unsigned i = 0; i < m.clients_count; i++)
        send_due(&m.clients[i]);
    for (unsigned i = 0; i < m.conns_count; i++)
        any = read_part(&m.conns[i]) || any;
    if (m.tail != creations)
        work(COMMIT_NS);
    work(TURN_NS);
    end_running();
    if (!any)
        m.now_ns += 200e3;
    judge();
    unthrottle(!any && m.head == m.tail);
}

static void forget(void)
{
    for (unsigned i = 0; i < m.clients_count; i++)
        m.clients[i].asked = m.clients[i].right = m.clients[i].refused = m.clients[i].given_up = 0;
}

static void play(double seconds)
{
    double until_ns = m.now_ns + seconds * 1e9;

    while (m.now_ns < until_ns)
        turn();
}

/* ---- what it comes to */

static double part_right(const struct client *client)
{
    return (double)client->right / (double)client->asked;
}

static void overload(double speed, double times)
{
    double right = 0;

    m.speed = speed;
    add(true, 0.4, 2, 256);
    play(2);
    for (int i = 0; i < 5; i++)
        add(false, 0.12, 1, 2048);
    add(false, 0.8 * times, 4, 2048);
    play(4);
    forget();
    m.calms = 0;
    play(8);
    assert_int_equal(m.calms, 0); /* it is not over while it lasts: all that waits would come at once */
    for (unsigned i = 0; i < m.clients_count; i++)
        right += (double)m.clients[i].right * (m.clients[i].reads ? GET_WORTH : 1);
    assert_true(m.overload.shedding);
    assert_true(right > 0.85 * 8 * KNEE * speed);
    assert_true(part_right(&m.clients[READER]) > 0.99);
    assert_int_equal(m.clients[READER].refused, 0);
    for (unsigned i = OTHER; i < GREEDY; i++)
        assert_true(part_right(&m.clients[i]) > 0.95);
    assert_true(m.clients[GREEDY].right > 0);
}

static void over(void)
{
    m.clients[GREEDY].until_ns = m.now_ns;
    play(2);
    forget();
    play(3);
    assert_false(m.overload.shedding);
    for (unsigned i = 0; i < m.clients_count; i++) {
        assert_int_equal(m.clients[i].refused + m.clients[i].given_up, 0);
        assert_true(i == GREEDY || part_right(&m.clients[i]) > 0.95);
    }
}

static void test_five_times_the_knee(void **state)
{
    (void)state;
    overload(1, 5);
    over();
}

static void test_a_fifth_of_the_machine(void **state)
{
    (void)state;
    overload(0.2, 5);
    over();
}

static void test_ten_times_the_knee(void **state)
{
    (void)state;
    overload(0.5, 10);
    over();
}

/* Nine tenths of what it can do: nobody is refused, whatever lies in the sockets for a moment. */
static void test_busy_is_no_overload(void **state)
{
    (void)state;
    m.speed = 1;
    add(true, 0.4, 2, 256);
    for (int i = 0; i < 5; i++)
        add(false, 0.14, 1, 512);
    play(10);
    for (unsigned i = 0; i < m.clients_count; i++)
        assert_int_equal(m.clients[i].refused + m.clients[i].given_up, 0);
    assert_false(m.overload.shedding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_five_times_the_knee, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_fifth_of_the_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ten_times_the_knee, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy_is_no_overload, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
