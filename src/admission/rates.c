/* The words of the rates in shared memory: all relaxed, since a word says nothing about any other memory. */
#include <sessiond/admission/rates.h>

#include <sys/mman.h>

#include <sessiond/base/hash.h>
#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

#define SETS   1024u /* SES_RATES_NAMES in 128 KiB, of which only what is used is memory */
#define PLACES 8u
#define CLAIMS 4u /* tries to get a place while other processes get theirs */

_Static_assert(SETS *PLACES == SES_RATES_NAMES, "as it is told");

struct set {
    _Alignas(64) _Atomic uint64_t name[PLACES]; /* 0: nobody's */
    _Atomic uint64_t word[PLACES];
};

struct ses_rates {
    uint8_t key[2][SES_HASH_SHORT_KEY_BYTES];
    _Atomic uint64_t server;
    struct set sets[SETS];
};

struct ses_rate ses_rate_make(uint64_t per_second, uint64_t burst)
{
    struct ses_rate rate = {.interval_ns = 0, .burst_ns = 0};

    if (per_second == 0)
        return rate;
    rate.interval_ns = SES_NS_PER_S / per_second;
    rate.burst_ns = rate.interval_ns * (burst == 0 ? per_second : burst);
    return rate;
}

uint64_t ses_rate_step(const struct ses_rate *rate, uint64_t word, uint64_t now_ns, uint64_t *ret_word)
{
    uint64_t next_ns = (word > now_ns ? word : now_ns) + rate->interval_ns;

    if (next_ns - now_ns > rate->burst_ns)
        return next_ns - now_ns - rate->burst_ns;
    *ret_word = next_ns;
    return 0;
}

enum ses_status ses_rates_new(struct ses_rates **ret_rates)
{
    struct ses_rates *rates =
        mmap(NULL, sizeof(*rates), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (rates == MAP_FAILED)
        return SES_NO_MEMORY;
    ses_random_bytes(rates->key, sizeof(rates->key));
    *ret_rates = rates;
    return SES_OK;
}

void ses_rates_free(struct ses_rates *rates)
{
    if (rates != NULL)
        (void)munmap(rates, sizeof(*rates));
}

/* Each half under a key of its own: what stands in front of the other cannot be moved behind it. */
uint64_t ses_rates_name(const struct ses_rates *rates, enum ses_rate_kind kind, struct ses_slice first,
                        struct ses_slice second)
{
    uint64_t name = ses_hash_short(rates->key[0], first) * UINT64_C(0x9e3779b97f4a7c15) +
                    ses_hash_short(rates->key[1], second) + (uint64_t)kind;

    return name == 0 ? 1 : name;
}

static _Atomic uint64_t *find(struct set *set, uint64_t name)
{
    for (unsigned i = 0; i < PLACES; i++) {
        if (atomic_load_explicit(&set->name[i], memory_order_relaxed) == name)
            return &set->word[i];
    }
    return NULL;
}

/* Of the places whose bucket is full, the one that has been so for longest. PLACES: none is. */
static unsigned unused_place(const struct set *set, uint64_t now_ns)
{
    uint64_t oldest = now_ns;
    unsigned place = PLACES;

    for (unsigned i = 0; i < PLACES; i++) {
        uint64_t word = atomic_load_explicit(&set->word[i], memory_order_relaxed);

        if (word <= now_ns && (place == PLACES || word < oldest)) {
            oldest = word;
            place = i;
        }
    }
    return place;
}

/* The word is left as it is: in the past, which is a full bucket. */
static _Atomic uint64_t *claim(struct set *set, uint64_t name, uint64_t now_ns)
{
    for (unsigned i = 0; i < CLAIMS; i++) {
        unsigned place = unused_place(set, now_ns);

        if (place == PLACES)
            return NULL;
        uint64_t before = atomic_load_explicit(&set->name[place], memory_order_relaxed);

        if (atomic_compare_exchange_strong_explicit(&set->name[place], &before, name, memory_order_relaxed,
                                                    memory_order_relaxed))
            return &set->word[place];
    }
    return NULL;
}

static struct set *set_of(struct ses_rates *rates, uint64_t name)
{
    return &rates->sets[name % SETS];
}

static uint64_t take(_Atomic uint64_t *word, const struct ses_rate *rate, uint64_t now_ns)
{
    uint64_t before = atomic_load_explicit(word, memory_order_relaxed);
    uint64_t next_ns = 0;

    do {
        uint64_t wait_ns = ses_rate_step(rate, before, now_ns, &next_ns);

        if (wait_ns > 0)
            return wait_ns;
    } while (!atomic_compare_exchange_weak_explicit(word, &before, next_ns, memory_order_relaxed,
                                                    memory_order_relaxed));
    return 0;
}

uint64_t ses_rates_take(struct ses_rates *rates, uint64_t name, const struct ses_rate *rate, uint64_t now_ns,
                        bool *ret_untracked)
{
    struct set *set = set_of(rates, name);
    _Atomic uint64_t *word = find(set, name);

    if (word == NULL)
        word = claim(set, name, now_ns);
    *ret_untracked = word == NULL;
    return word == NULL ? 0 : take(word, rate, now_ns);
}

void ses_rates_give_back(struct ses_rates *rates, uint64_t name, const struct ses_rate *rate)
{
    _Atomic uint64_t *word = find(set_of(rates, name), name);

    if (word != NULL)
        (void)atomic_fetch_sub_explicit(word, rate->interval_ns, memory_order_relaxed);
}

uint64_t ses_rates_take_server(struct ses_rates *rates, const struct ses_rate *rate, uint64_t now_ns)
{
    return take(&rates->server, rate, now_ns);
}
