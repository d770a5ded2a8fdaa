#include "pg_faults.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <link.h>
#include <sessiond/base/list.h>

/* Of a thousand statements. */
#define LOST      30 /* never executed */
#define UNHEARD   40 /* executed, and the answer is lost */
#define LATE      30 /* executed when nobody waits for it any more */
#define GIVEN_UP  20 /* 40P01 */
#define DELAY_MAX 8  /* milliseconds, of each of them */

enum fate { FATE_NONE, FATE_LOST, FATE_UNHEARD, FATE_LATE, FATE_GIVEN_UP };

/* One statement with a fate. */
struct fault {
    struct ses_list node;
    uv_timer_t timer;
    struct pg_link *link;
    enum pg_use use;
    enum fate fate;
    struct pg_request *original; /* NULL: it was told */
    struct pg_request copy;      /* ours, to be sent */
    bool sent;
    const char *values[8];
    int lengths[8];
};

static struct ses_list faults;
static struct uv_loop_s *loop; /* NULL: there are none */
static uint64_t state;

bool __real_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request);
void __real_ses_pg_link_free(struct pg_link *link);
bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request);
void __wrap_ses_pg_link_free(struct pg_link *link);

static unsigned chance(unsigned below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % below;
}

void pg_faults_begin(struct uv_loop_s *its_loop, uint64_t seed)
{
    ses_list_init(&faults);
    loop = its_loop;
    state = seed;
}

void pg_faults_end(void)
{
    loop = NULL;
}

size_t pg_faults_late(void)
{
    size_t count = 0;

    if (loop == NULL)
        return 0;
    for (const struct ses_list *node = faults.next; node != &faults; node = node->next)
        count++;
    return count;
}

static enum fate draw(enum pg_use use)
{
    unsigned drawn = chance(1000);

    if (drawn < LOST)
        return FATE_LOST;
    if (drawn < LOST + UNHEARD)
        return FATE_UNHEARD;
    if (use == PG_USE_READ || use == PG_USE_LISTEN)
        return FATE_NONE;
    if (drawn < LOST + UNHEARD + LATE)
        return FATE_LATE;
    return drawn < LOST + UNHEARD + LATE + GIVEN_UP ? FATE_GIVEN_UP : FATE_NONE;
}

/* ---- an end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct fault *fault = handle->data;

    for (int i = 0; i < fault->copy.statement->params; i++)
        free((void *)(uintptr_t)fault->values[i]);
    free(fault);
}

static void close_fault(struct fault *fault)
{
    ses_list_remove(&fault->node);
    uv_close((uv_handle_t *)&fault->timer, on_closed);
}

static void tell(struct fault *fault)
{
    struct pg_answer answer = {.end = PG_END_UNKNOWN};
    struct pg_request *original = fault->original;

    if (original == NULL)
        return;
    fault->original = NULL;
    if (fault->fate == FATE_GIVEN_UP) {
        answer.end = PG_END_REFUSED;
        memcpy(answer.sqlstate, "40P01", sizeof("40P01"));
    }
    original->done(original, &answer);
}

static void on_executed(struct pg_request *request, const struct pg_answer *answer)
{
    struct fault *fault = SES_CONTAINER(request, struct fault, copy);

    (void)answer;
    tell(fault);
    close_fault(fault);
}

static void on_timer(uv_timer_t *timer)
{
    struct fault *fault = timer->data;

    tell(fault);
    if (fault->fate != FATE_LATE) {
        close_fault(fault);
        return;
    }
    fault->sent = __real_ses_pg_link_send(fault->link, fault->use, &fault->copy);
    if (!fault->sent)
        (void)uv_timer_start(timer, on_timer, 1, 0);
}

/* ---- sending ---- */

static void copy_request(struct fault *fault, const struct pg_request *request)
{
    fault->copy.statement = request->statement;
    fault->copy.values = fault->values;
    fault->copy.lengths = fault->lengths;
    fault->copy.done = on_executed;
    for (int i = 0; i < request->statement->params; i++) {
        size_t bytes = (size_t)request->lengths[i];
        char *value = malloc(bytes);

        memcpy(value, request->values[i], bytes);
        fault->values[i] = value;
        fault->lengths[i] = request->lengths[i];
    }
}

bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request)
{
    enum fate fate = loop == NULL ? FATE_NONE : draw(use);
    struct fault *fault;

    if (fate == FATE_NONE)
        return __real_ses_pg_link_send(link, use, request);
    fault = calloc(1, sizeof(*fault));
    fault->link = link;
    fault->use = use;
    fault->fate = fate;
    fault->original = request;
    copy_request(fault, request);
    (void)uv_timer_init(loop, &fault->timer);
    fault->timer.data = fault;
    ses_list_push_back(&faults, &fault->node);
    if (fate != FATE_UNHEARD) {
        (void)uv_timer_start(&fault->timer, on_timer, chance(DELAY_MAX), 0);
        return true;
    }
    fault->sent = __real_ses_pg_link_send(link, use, &fault->copy);
    if (!fault->sent)
        close_fault(fault);
    return fault->sent;
}

/* What the link does not know of ends with it. */
void __wrap_ses_pg_link_free(struct pg_link *link)
{
    struct ses_list *next;

    for (struct ses_list *node = faults.next; loop != NULL && node != &faults; node = next) {
        struct fault *fault = SES_CONTAINER(node, struct fault, node);

        next = node->next;
        if (fault->link != link || fault->sent)
            continue;
        tell(fault);
        close_fault(fault);
    }
    __real_ses_pg_link_free(link);
}
