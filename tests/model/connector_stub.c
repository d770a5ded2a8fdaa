/* The linker has every call of ses_outbound_take, _give_back and _start come here (tests/CMakeLists.txt). */
#include "connector_stub.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "method/core_stub.h"
#include "model.h"

enum fate {
    FATE_OK,
    FATE_DECLINED,    /* its own word that nothing was done */
    FATE_UNREACHABLE, /* not a byte was sent */
    FATE_ERROR,       /* 500, done or not */
    FATE_CUT,         /* no whole answer, done or not */
    FATE_SILENT       /* none before the deadline, done or not */
};

struct asked {
    struct ses_list node;
    struct connector_order *order;
    char key[72];
    enum fate fate;
    bool acts;
    unsigned turns;     /* before it acts and answers */
    uint64_t before_ms; /* the order's last_ms before it */
    uint64_t deadline_ns;
    ses_outbound_fn done;
    void *arg;
};

static struct connector_stub *the_stub;

static uint64_t draw(struct connector_stub *stub, uint64_t below)
{
    stub->random = stub->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (stub->random >> 33) % below;
}

void connector_stub_open(struct connector_stub *stub, uint64_t seed)
{
    *stub = (struct connector_stub){.random = seed};
    ses_list_init(&stub->asked);
    the_stub = stub;
}

void connector_stub_close(struct connector_stub *stub)
{
    assert_true(ses_list_empty(&stub->asked));
    assert_int_equal(stub->places, 0);
    the_stub = NULL;
}

unsigned connector_stub_asked(const struct connector_stub *stub)
{
    unsigned count = 0;

    for (const struct ses_list *node = stub->asked.next; node != &stub->asked; node = node->next)
        count++;
    return count;
}

static struct connector_order *find(struct connector_stub *stub, struct ses_slice id)
{
    for (unsigned i = 0; i < stub->orders_count; i++) {
        if (ses_slice_eq_str(id, stub->orders[i].id))
            return &stub->orders[i];
    }
    return NULL;
}

const struct connector_order *connector_stub_order(const struct connector_stub *stub, const char *id)
{
    return find((struct connector_stub *)(uintptr_t)stub, ses_slice_str(id));
}

static struct connector_order *order_of(struct connector_stub *stub,
                                        const struct ses_outbound_request *request)
{
    static const char name[] = "order_id%5D=";
    struct ses_slice body = request->body;
    struct connector_order *order;
    size_t at = 0;

    while (at + sizeof(name) - 1 < body.len && memcmp(body.data + at, name, sizeof(name) - 1) != 0)
        at++;
    body = ses_slice_cut(body, at + sizeof(name) - 1, body.len);
    order = find(stub, body);
    if (order != NULL)
        return order;
    assert_true(stub->orders_count < CONNECTOR_ORDERS_MAX && body.len < sizeof(order->id));
    order = &stub->orders[stub->orders_count++];
    memcpy(order->id, body.data, body.len);
    return order;
}

static void copy_key(const struct ses_outbound_request *request, char *ret_key, size_t size)
{
    for (size_t i = 0; i < request->headers_count; i++) {
        if (ses_slice_eq_str(request->headers[i].name, "idempotency-key"))
            (void)snprintf(ret_key, size, "%.*s", SES_FMT(request->headers[i].value));
    }
    assert_true(ret_key[0] != '\0');
}

/* What a former call may have made is over: session and intent live no longer than that. */
#define FORGOTTEN_MS (MODEL_TTL_MS - 20000)

static bool is_forgotten(const struct connector_order *order)
{
    return ses_clock_now_ms() - order->last_ms >= FORGOTTEN_MS;
}

static void check_key(const struct connector_order *order, const char *key, uint64_t body)
{
    bool same = strcmp(order->key, key) == 0 && order->body == body;

    if (order->key[0] != '\0' && !same && !is_forgotten(order))
        fail_msg("%s: another call or a second key, %llu ms after one whose outcome is not known or whose "
                 "session lives",
                 order->id, (unsigned long long)(ses_clock_now_ms() - order->last_ms));
}

static void choose(struct connector_stub *stub, struct asked *asked)
{
    static const enum fate fates[] = {FATE_OK,       FATE_OK,          FATE_OK,    FATE_OK,  FATE_OK,
                                      FATE_DECLINED, FATE_UNREACHABLE, FATE_ERROR, FATE_CUT, FATE_SILENT};

    asked->fate = fates[draw(stub, sizeof(fates) / sizeof(fates[0]))];
    asked->acts = asked->fate == FATE_OK || (asked->fate >= FATE_ERROR && draw(stub, 2) == 0);
    asked->turns = (unsigned)draw(stub, 12);
}

enum ses_status __wrap_ses_outbound_take(struct ses_driver *driver, const struct ses_connector *connector,
                                         struct ses_slice url, uint32_t owner,
                                         struct ses_outbound_place *ret_place);
void __wrap_ses_outbound_give_back(struct ses_driver *driver, struct ses_outbound_place *place);
enum ses_status __wrap_ses_outbound_start(struct ses_driver *driver, struct ses_outbound_place *place,
                                          const struct ses_outbound_request *request,
                                          uint64_t deadline_mono_ns, ses_outbound_fn done, void *arg);

/* Nobody looks into it; its address says that a place was taken. */
static struct ses_host *some_host(void)
{
    static uint64_t host;

    return (struct ses_host *)(void *)&host;
}

enum ses_status __wrap_ses_outbound_take(struct ses_driver *driver, const struct ses_connector *connector,
                                         struct ses_slice url, uint32_t owner,
                                         struct ses_outbound_place *ret_place)
{
    static const enum ses_status full[] = {SES_BUSY, SES_RESOURCE_EXHAUSTED, SES_OVER_SHARE};

    (void)driver;
    (void)connector;
    (void)url;
    if (draw(the_stub, 25) == 0)
        return full[draw(the_stub, sizeof(full) / sizeof(full[0]))];
    assert_null(ret_place->host); /* a former one would be lost */
    *ret_place = (struct ses_outbound_place){.host = some_host(), .owner = owner};
    the_stub->places++;
    return SES_OK;
}

void __wrap_ses_outbound_give_back(struct ses_driver *driver, struct ses_outbound_place *place)
{
    (void)driver;
    the_stub->places -= place->host != NULL;
    *place = (struct ses_outbound_place){.host = NULL};
}

/* A call that has not been answered may act: its key is held from the start. */
enum ses_status __wrap_ses_outbound_start(struct ses_driver *driver, struct ses_outbound_place *place,
                                          const struct ses_outbound_request *request,
                                          uint64_t deadline_mono_ns, ses_outbound_fn done, void *arg)
{
    uint64_t body = model_hash(request->body.data, request->body.len);
    struct asked *asked;

    assert_non_null(place->host);
    __wrap_ses_outbound_give_back(driver, place);
    if (draw(the_stub, 50) == 0)
        return SES_NO_MEMORY;
    asked = calloc(1, sizeof(*asked));
    assert_non_null(asked);
    asked->order = order_of(the_stub, request);
    copy_key(request, asked->key, sizeof(asked->key));
    asked->deadline_ns = deadline_mono_ns;
    asked->done = done;
    asked->arg = arg;
    choose(the_stub, asked);
    check_key(asked->order, asked->key, body);
    if (strcmp(asked->order->key, asked->key) != 0 || is_forgotten(asked->order))
        asked->order->may_have = false;
    asked->order->body = body;
    asked->before_ms = asked->order->last_ms;
    memcpy(asked->order->key, asked->key, sizeof(asked->key));
    asked->order->last_ms = ses_clock_now_ms();
    asked->order->calls++;
    the_stub->calls++;
    ses_list_push_back(&the_stub->asked, &asked->node);
    return SES_OK;
}

/* A second call under the key of one that has acted gets the same payment: no other effect. */
static void act(struct connector_stub *stub, const struct asked *asked)
{
    struct connector_order *order = asked->order;

    if (!asked->acts)
        return;
    order->effects++;
    stub->effects++;
    order->last_ms = ses_clock_now_ms();
}

/* Nothing was done, by its own word, and no other call of the order is under way: all is as before it. */
static void forget_key(struct connector_stub *stub, const struct asked *asked)
{
    for (struct ses_list *node = stub->asked.next; node != &stub->asked; node = node->next) {
        if (SES_CONTAINER(node, struct asked, node)->order == asked->order)
            return;
    }
    asked->order->last_ms = asked->before_ms;
    if (!asked->order->may_have)
        asked->order->key[0] = '\0';
}

static void answer(struct connector_stub *stub, struct asked *asked)
{
    struct ses_slice body = SES_SLICE_EMPTY;
    uint32_t http_status = 0;
    enum ses_connector_outcome outcome = SES_OUTCOME_SUCCESS;

    act(stub, asked);
    if (asked->fate == FATE_OK) {
        http_status = 200;
        body = SES_STR(STRIPE_OK);
    } else if (asked->fate == FATE_DECLINED || asked->fate == FATE_ERROR) {
        http_status = asked->fate == FATE_DECLINED ? 402 : 500;
        body = SES_STR("{\"error\":{\"type\":\"card_error\",\"code\":\"x\",\"message\":\"no\"}}");
    } else {
        outcome = asked->fate == FATE_UNREACHABLE ? SES_OUTCOME_UNREACHABLE
                  : asked->fate == FATE_CUT       ? SES_OUTCOME_BAD_RESPONSE
                                                  : SES_OUTCOME_TIMEOUT;
    }
    if (asked->fate == FATE_DECLINED || asked->fate == FATE_UNREACHABLE)
        forget_key(stub, asked);
    else
        asked->order->may_have = true;
    asked->done(asked->arg, http_status, outcome, body);
    free(asked);
}

/* The driver's promise: done comes by the deadline. */
static bool is_due(const struct connector_stub *stub, struct asked *asked, uint64_t now_ns)
{
    if (now_ns >= asked->deadline_ns) {
        if (asked->fate != FATE_SILENT && asked->turns > 0)
            asked->fate = FATE_SILENT;
        return true;
    }
    if (asked->turns > 0)
        asked->turns--;
    return asked->turns == 0 && asked->fate != FATE_SILENT && !stub->held;
}

void connector_stub_turn(struct connector_stub *stub)
{
    uint64_t now_ns = ses_clock_mono_ns();
    struct ses_list due;
    struct ses_list *next;
    struct ses_list *node;

    ses_list_init(&due);
    for (node = stub->asked.next; node != &stub->asked; node = next) {
        next = node->next;
        if (is_due(stub, SES_CONTAINER(node, struct asked, node), now_ns)) {
            ses_list_remove(node);
            ses_list_push_back(&due, node);
        }
    }
    while ((node = ses_list_pop(&due)) != NULL)
        answer(stub, SES_CONTAINER(node, struct asked, node));
}
