/* One page of shared memory holds the base, the present difference and the last eras. The supervisor alone
 * writes it; readers take no lock. Single words are read relaxed, as each of them means something by itself;
 * an era is written before the count that shows it (release, acquire).
 *
 * Differences are taken modulo 2^64, so a base may be "negative": a machine whose world's clock stands in
 * 1970 has now - CLOCK_BOOTTIME below zero.
 */
#include <sessiond/base/clock.h>

#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include <sessiond/base/boot_clock.h>
#include <sessiond/base/shared_memory.h>
#include <sessiond/base/units.h>

#include "clock_hook.h"

#define YEAR_MS      (UINT64_C(366) * 86400 * 1000)
#define GAP_MAX_MS   (10 * YEAR_MS)          /* a machine that seems to have been off for longer was not */
#define FRESH_MAX_MS UINT64_C(2524608000000) /* 2050-01-01: the store's locators end in 2059 */
#define LOOK_MAX_MS  20                      /* two looks at clocks further apart than this say nothing */
#define LOOKS_MAX    8

/* Shared by all processes. The supervisor alone writes, but for the moment of its making. What it means is part
 * of what programs hand over: SES_CLOCK_LAYOUT. */
struct page {
    _Atomic uint64_t base_ms;
    _Atomic int64_t ahead_ms; /* of the present era */
    _Atomic uint64_t steps;
    /* Eras ever; era i lies in slot i modulo the number of slots. Readers leave the oldest slot alone: it is
     * the one that the next step, a second away at least, is written over. */
    _Atomic uint64_t eras;
    struct {
        _Atomic uint64_t from_ms;
        _Atomic int64_t ahead_ms;
    } era[SES_CLOCK_ERAS_MAX + 1];
};

#define SLOTS (SES_CLOCK_ERAS_MAX + 1)

_Static_assert(sizeof(struct page) == (4 + 2 * SLOTS) * sizeof(uint64_t),
               "another layout: raise SES_CLOCK_LAYOUT");

static struct page own;
static struct page *_Atomic shared;
static int shared_fd = -1; /* the memory of shared */

/* ---- reading --------------------------------------------------------------------------------- */

uint64_t ses_clock_wall_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / SES_NS_PER_MS + ses_clock_hook_stepped_ms() +
           ses_clock_hook_passed_ms();
}

uint64_t ses_clock_mono_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t ses_clock_thread_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t ses_clock_mono_ms(void)
{
    return ses_clock_mono_ns() / SES_NS_PER_MS;
}

bool ses_clock_is_movable(void)
{
    return SES_TEST_HOOKS;
}

/* Both clocks at one moment. False: this thread was kept from looking, at each try; then they are of two moments. */
static bool look_at_both(uint64_t *ret_boot_ms, uint64_t *ret_wall_ms)
{
    for (unsigned i = 0; i < LOOKS_MAX; i++) {
        uint64_t before_ms = ses_clock_boot_ms();

        *ret_wall_ms = ses_clock_wall_ms();
        *ret_boot_ms = ses_clock_boot_ms();
        if (*ret_boot_ms - before_ms <= LOOK_MAX_MS)
            return true;
    }
    return false;
}

/* Two threads that come here first agree on the base of the faster one. */
static struct page *begin_alone(void)
{
    uint64_t none = 0;
    uint64_t begin_ms;
    uint64_t wall_ms;

    (void)look_at_both(&begin_ms, &wall_ms);
    (void)atomic_compare_exchange_strong(&own.base_ms, &none, wall_ms - begin_ms);
    return &own;
}

static struct page *page_get(void)
{
    struct page *page = atomic_load_explicit(&shared, memory_order_acquire);

    if (page != NULL)
        return page;
    return atomic_load_explicit(&own.base_ms, memory_order_relaxed) != 0 ? &own : begin_alone();
}

static uint64_t now_of(const struct page *page)
{
    return ses_clock_boot_ms() + atomic_load_explicit(&page->base_ms, memory_order_relaxed);
}

uint64_t ses_clock_now_ms(void)
{
    return now_of(page_get());
}

/* ---- between the two ------------------------------------------------------------------------- */

/* Ours and the world's at one moment; false as look_at_both. */
static bool look(const struct page *page, uint64_t *ret_now_ms, uint64_t *ret_wall_ms)
{
    bool at_once = look_at_both(ret_now_ms, ret_wall_ms);

    *ret_now_ms += atomic_load_explicit(&page->base_ms, memory_order_relaxed);
    return at_once;
}

/* Below a second it is NTP's slewing or the moment between two looks: the known difference stays, so that a
 * time told twice is the same. */
static bool is_step(int64_t known_ms, int64_t ahead_ms)
{
    int64_t by_ms = ahead_ms - known_ms;

    return by_ms >= SES_CLOCK_STEP_MS || by_ms <= -SES_CLOCK_STEP_MS;
}

/* A step counts at once, before it is noticed: an answer of this second is right, too. */
int64_t ses_clock_ahead_ms(void)
{
    const struct page *page = page_get();
    int64_t known_ms = atomic_load_explicit(&page->ahead_ms, memory_order_relaxed);
    uint64_t now_ms;
    uint64_t wall_ms;

    if (!look(page, &now_ms, &wall_ms))
        return known_ms;
    return is_step(known_ms, (int64_t)(wall_ms - now_ms)) ? (int64_t)(wall_ms - now_ms) : known_ms;
}

uint64_t ses_clock_shift(uint64_t at_ms, int64_t by_ms)
{
    uint64_t size_ms = by_ms < 0 ? 0 - (uint64_t)by_ms : (uint64_t)by_ms;

    if (at_ms == SES_CLOCK_NEVER_MS)
        return at_ms;
    if (by_ms < 0)
        return at_ms > size_ms ? at_ms - size_ms : 0;
    return at_ms < SES_CLOCK_NEVER_MS - size_ms ? at_ms + size_ms : SES_CLOCK_NEVER_MS;
}

uint64_t ses_clock_to_wall(uint64_t now_ms)
{
    return ses_clock_shift(now_ms, ses_clock_ahead_ms());
}

uint64_t ses_clock_from_wall(uint64_t wall_ms)
{
    return ses_clock_shift(wall_ms, -ses_clock_ahead_ms());
}

/* ---- eras ------------------------------------------------------------------------------------ */

static struct ses_clock_era era_at(const struct page *page, uint64_t i)
{
    return (struct ses_clock_era){
        .from_ms = atomic_load_explicit(&page->era[i % SLOTS].from_ms, memory_order_relaxed),
        .ahead_ms = atomic_load_explicit(&page->era[i % SLOTS].ahead_ms, memory_order_relaxed)};
}

/* Into the slot that no reader looks at, then counted: who sees the count sees the era. ahead_ms comes last;
 * who reads the old one for a moment still finds the step by itself (ses_clock_ahead_ms). */
static void begin_era(struct page *page, uint64_t now_ms, int64_t ahead_ms)
{
    uint64_t i = atomic_load_explicit(&page->eras, memory_order_relaxed);

    atomic_store_explicit(&page->era[i % SLOTS].from_ms, now_ms, memory_order_relaxed);
    atomic_store_explicit(&page->era[i % SLOTS].ahead_ms, ahead_ms, memory_order_relaxed);
    atomic_store_explicit(&page->eras, i + 1, memory_order_release);
    atomic_store_explicit(&page->ahead_ms, ahead_ms, memory_order_relaxed);
}

static uint64_t first_era(uint64_t eras)
{
    return eras > SES_CLOCK_ERAS_MAX ? eras - SES_CLOCK_ERAS_MAX : 0;
}

/* From the newest era to the oldest, those in which it can have been issued. It is over only if each of them
 * says so by its own difference: a clock that was set forward since must not end what was promised. */
bool ses_clock_is_over(uint64_t issued_wall_ms, uint64_t end_wall_ms, uint64_t now_ms)
{
    const struct page *page = page_get();
    uint64_t until_ms = SES_CLOCK_NEVER_MS; /* the end of the era that is looked at: the newest has none */
    uint64_t i = atomic_load_explicit(&page->eras, memory_order_acquire);
    uint64_t first = first_era(i);
    int64_t known_ms = atomic_load_explicit(&page->ahead_ms, memory_order_relaxed);

    /* The common end needs no look at a clock. */
    if (now_ms < ses_clock_shift(end_wall_ms, -known_ms) || now_ms < ses_clock_from_wall(end_wall_ms))
        return false;
    while (i-- > first) {
        struct ses_clock_era era = era_at(page, i);
        uint64_t issued_ms = ses_clock_shift(issued_wall_ms, -era.ahead_ms);

        /* A step is noticed within a second of it, and the token's time is in whole seconds. */
        if (issued_ms + 2 * SES_CLOCK_STEP_MS >= era.from_ms && issued_ms <= until_ms &&
            now_ms < ses_clock_shift(end_wall_ms, -era.ahead_ms))
            return false;
        until_ms = era.from_ms;
    }
    return true;
}

bool ses_clock_notice(int64_t *ret_by_ms)
{
    struct page *page = page_get();
    int64_t known_ms = atomic_load_explicit(&page->ahead_ms, memory_order_relaxed);
    uint64_t now_ms;
    uint64_t wall_ms;

    if (!look(page, &now_ms, &wall_ms) || !is_step(known_ms, (int64_t)(wall_ms - now_ms)))
        return false;
    begin_era(page, now_ms, (int64_t)(wall_ms - now_ms));
    (void)atomic_fetch_add_explicit(&page->steps, 1, memory_order_relaxed);
    *ret_by_ms = (int64_t)(wall_ms - now_ms) - known_ms;
    return true;
}

/* The difference that is known stays: there is none, or was none before. */
bool ses_clock_follow(int64_t *ret_by_ms)
{
    struct page *page = page_get();
    int64_t known_ms = atomic_load_explicit(&page->ahead_ms, memory_order_relaxed);
    uint64_t now_ms;
    uint64_t wall_ms;
    int64_t by_ms;

    if (!look(page, &now_ms, &wall_ms))
        return false;
    by_ms = (int64_t)(wall_ms - now_ms) - known_ms;
    if (by_ms < SES_CLOCK_FOLLOW_MS && by_ms > -SES_CLOCK_FOLLOW_MS)
        return false;
    (void)atomic_fetch_add_explicit(&page->base_ms, (uint64_t)by_ms, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&page->steps, 1, memory_order_relaxed);
    *ret_by_ms = by_ms;
    return true;
}

uint64_t ses_clock_steps(void)
{
    return atomic_load_explicit(&page_get()->steps, memory_order_relaxed);
}

void ses_clock_state(struct ses_clock_state *ret_state)
{
    const struct page *page = page_get();
    uint64_t eras = atomic_load_explicit(&page->eras, memory_order_acquire);

    *ret_state = (struct ses_clock_state){
        .base_ms = atomic_load_explicit(&page->base_ms, memory_order_relaxed), .steps = ses_clock_steps()};
    (void)look(page, &ret_state->told_ms, &ret_state->wall_ms);
    for (uint64_t i = first_era(eras); i < eras; i++)
        ret_state->eras[ret_state->eras_count++] = era_at(page, i);
}

/* ---- the start ------------------------------------------------------------------------------- */

/* Elapsed time by the world's clock, where that is believable: one that is behind what it said before was
 * corrected, or has been lost, and says nothing of how long the machine was off. */
static uint64_t off_for_ms(const struct ses_clock_state *last, uint64_t wall_ms)
{
    uint64_t gap_ms = wall_ms - last->wall_ms;

    return wall_ms > last->wall_ms && gap_ms <= GAP_MAX_MS ? gap_ms : 0;
}

/* The same boot goes on by CLOCK_BOOTTIME, which nothing sets. A base that is behind what was told, or years
 * ahead of it, is of another boot after all (a restored snapshot, a copied data directory). */
static uint64_t choose_now(const struct ses_clock_state *last, bool same_boot, uint64_t since_boot_ms,
                           uint64_t wall_ms, enum ses_clock_origin *ret_origin)
{
    *ret_origin = SES_CLOCK_FRESH;
    if (last == NULL || last->told_ms > FRESH_MAX_MS)
        return wall_ms < FRESH_MAX_MS ? wall_ms : FRESH_MAX_MS;
    *ret_origin = SES_CLOCK_KEPT;
    if (same_boot && since_boot_ms + last->base_ms >= last->told_ms &&
        since_boot_ms + last->base_ms - last->told_ms <= GAP_MAX_MS)
        return since_boot_ms + last->base_ms;
    *ret_origin = SES_CLOCK_RESUMED;
    return last->told_ms + off_for_ms(last, wall_ms);
}

static void take_eras(struct page *page, const struct ses_clock_state *last)
{
    for (unsigned i = 0; i < last->eras_count && i < SES_CLOCK_ERAS_MAX; i++)
        begin_era(page, last->eras[i].from_ms, last->eras[i].ahead_ms);
    atomic_store(&page->steps, last->steps);
}

static void share(struct page *page, int fd)
{
    if (shared_fd >= 0)
        (void)close(shared_fd);
    shared_fd = fd;
    atomic_store_explicit(&shared, page, memory_order_release);
}

static enum ses_status page_new(int *ret_fd, struct page **ret_page)
{
    enum ses_status status;
    void *memory;
    int fd;

    SES_TRY(ses_shared_memory_new("sessiond-clock", sizeof(struct page), &fd));
    status = ses_shared_memory_map(fd, sizeof(struct page), &memory);
    if (status != SES_OK) {
        (void)close(fd);
        return status;
    }
    *ret_fd = fd;
    *ret_page = memory;
    return SES_OK;
}

enum ses_status ses_clock_attach(int fd)
{
    void *memory;

    SES_TRY(ses_shared_memory_map(fd, sizeof(struct page), &memory));
    share(memory, fd);
    return SES_OK;
}

int ses_clock_fd(void)
{
    return shared_fd;
}

enum ses_status ses_clock_start(const struct ses_clock_state *last, bool same_boot,
                                enum ses_clock_origin *ret_origin)
{
    struct page *page = NULL;
    uint64_t since_boot_ms;
    uint64_t wall_ms;
    uint64_t now_ms;
    int fd;

    SES_TRY(page_new(&fd, &page));
    (void)look_at_both(&since_boot_ms, &wall_ms);
    now_ms = choose_now(last, same_boot, since_boot_ms, wall_ms, ret_origin);
    atomic_store(&page->base_ms, now_ms - since_boot_ms);
    if (*ret_origin != SES_CLOCK_FRESH) /* then last is not NULL */
        take_eras(page, last);
    if (atomic_load(&page->eras) == 0)
        begin_era(page, now_ms, (int64_t)(wall_ms - now_ms));
    share(page, fd);
    return SES_OK;
}
