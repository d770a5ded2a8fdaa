/* Sums over the board that the metrics and the status page share. */
#include "board_view.h"

#include <string.h>

#include <sessiond/base/status.h>
#include <sessiond/connector/connector.h>

#include "readiness.h"

static uint64_t read64(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

const char *ses_board_role(const struct ses_board *board, unsigned slot)
{
    if (slot < board->workers)
        return "worker";
    return slot == board->workers ? "housekeeper" : "supervisor";
}

bool ses_board_runs(const struct ses_board *board, unsigned slot)
{
    enum ses_slot_state state =
        slot <= board->workers ? ses_board_state(board, slot) : SES_SLOT_READY; /* the supervisor has none */

    return (state == SES_SLOT_STARTING || state == SES_SLOT_READY || state == SES_SLOT_DRAINING) &&
           read64(&board->metrics[slot].process.started_wall_ms) != 0;
}

/* ---- calls ---- */

#define BIT(status) (1u << (status))
#define FAILED                                                                                               \
    (BIT(SES_UNKNOWN) | BIT(SES_DEADLINE_EXCEEDED) | BIT(SES_RESOURCE_EXHAUSTED) | BIT(SES_INTERNAL) |       \
     BIT(SES_UNAVAILABLE) | BIT(SES_DATA_LOSS))

_Static_assert(SES_UNAUTHENTICATED == 16, "statuses on the wire are numbered as gRPC does");

static void add_row(const struct ses_metrics *metrics, int row, struct ses_board_calls *calls)
{
    for (unsigned code = 0; code < SES_METRIC_CODES; code++) {
        uint64_t count = read64(&metrics->requests[row][code]);

        calls->answered += count;
        if ((FAILED >> code & 1) != 0)
            calls->failed += count;
        else if (code != SES_OK)
            calls->refused += count;
    }
}

void ses_board_calls(const struct ses_board *board, unsigned slot, int row, struct ses_board_calls *ret_calls)
{
    unsigned first = slot == SES_BOARD_ALL ? 0 : slot;
    unsigned last = slot == SES_BOARD_ALL ? board->workers : slot;

    *ret_calls = (struct ses_board_calls){.answered = 0};
    for (unsigned i = first; i <= last; i++) {
        for (int method = row < 0 ? 0 : row; method <= (row < 0 ? SES_METRIC_METHODS_MAX - 1 : row); method++)
            add_row(&board->metrics[i], method, ret_calls);
    }
}

void ses_board_latency(const struct ses_board *board, const struct ses_board_view *view, unsigned slot,
                       struct ses_hist_sum *ret_sum)
{
    unsigned first = slot == SES_BOARD_ALL ? 0 : slot;
    unsigned last = slot == SES_BOARD_ALL ? board->workers : slot;

    *ret_sum = (struct ses_hist_sum){.count = 0};
    for (int row = 0; row < SES_METRIC_METHODS_MAX && view->method_name(row) != NULL; row++) {
        for (unsigned i = first; i <= last && !view->method_streams(row); i++)
            ses_hist_sum_add(ret_sum, &board->metrics[i].request_ns[row]);
    }
}

const char *ses_board_outcome_name(int outcome)
{
    static const char *const names[] = {"success",      "declined", "auth_failed", "rate_limited",
                                        "server_error", "timeout",  "unreachable", "bad_response"};

    _Static_assert(sizeof(names) / sizeof(names[0]) == SES_OUTCOME_COUNT, "a new outcome needs a name");
    return names[outcome];
}

uint64_t ses_board_outcome(const struct ses_board *board, int connector, int outcome)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i <= board->workers; i++)
        sum += read64(&board->metrics[i].connector_calls[connector][outcome]);
    return sum;
}

uint64_t ses_board_family(const struct ses_board *board, size_t cell)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i <= board->workers; i++)
        sum += read64(&board->metrics[i].family[cell]);
    return sum;
}

/* ---- load ---- */

void ses_board_load(const struct ses_board *board, uint64_t now_mono_ns, struct ses_board_load *ret_load)
{
    struct ses_board_load sum = {.headroom = 0.0};
    double cost = 0.0;
    double cost_calls = 0.0;
    double busy = 0.0;
    unsigned serving = 0;

    for (unsigned i = 0; i < board->workers; i++) {
        struct ses_load load;

        if (!ses_readiness_serves(board, i, now_mono_ns))
            continue;
        ses_load_read(&board->metrics[i], &load);
        serving++;
        busy += load.busy;
        sum.cpu += load.cpu;
        sum.calls_per_second += load.calls_per_second;
        if (load.call_cpu_seconds > 0) {
            cost += load.call_cpu_seconds * load.calls_per_second;
            cost_calls += load.calls_per_second;
        }
    }
    sum.headroom = serving > 0 ? 1.0 - busy / serving : 0.0;
    sum.call_cpu_seconds = cost_calls > 0 ? cost / cost_calls : 0.0;
    *ret_load = sum;
}

/* ---- breakers ---- */

static struct ses_board_breaker *find(struct ses_board_breaker *rows, size_t *count, int connector,
                                      const char *origin)
{
    for (size_t i = 0; i < *count; i++) {
        if (rows[i].connector == connector && strcmp(rows[i].origin, origin) == 0)
            return &rows[i];
    }
    if (*count == SES_BOARD_BREAKERS_MAX)
        return NULL;
    rows[*count] = (struct ses_board_breaker){.connector = connector};
    memcpy(rows[*count].origin, origin, strlen(origin) + 1);
    return &rows[(*count)++];
}

/* State first: whoever sees one sees whose it is (connector/driver.c). */
static void add_cell(const struct ses_breaker_cell *cell, struct ses_board_breaker *rows, size_t *count)
{
    uint32_t state = atomic_load_explicit(&cell->state, memory_order_acquire);
    char origin[SES_METRIC_HOST_SIZE];
    struct ses_board_breaker *row;

    if (state == 0)
        return;
    memcpy(origin, cell->origin, sizeof(origin));
    origin[sizeof(origin) - 1] = '\0';
    row = find(rows, count, cell->connector, origin);
    if (row == NULL)
        return;
    row->known++;
    row->open += state != 1;
}

size_t ses_board_breakers(const struct ses_board *board,
                          struct ses_board_breaker ret_breakers[SES_BOARD_BREAKERS_MAX])
{
    size_t count = 0;

    for (unsigned i = 0; i < board->workers; i++) {
        if (!ses_board_runs(board, i))
            continue;
        for (size_t cell = 0; cell < SES_METRIC_HOSTS_MAX; cell++)
            add_cell(&board->metrics[i].breakers[cell], ret_breakers, &count);
    }
    return count;
}
