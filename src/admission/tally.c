/* Sets of eight, and a walk over all of them at the end of a window in which there was too much to do. */
#include "tally.h"

#include <math.h>
#include <stdlib.h>

#include <sessiond/base/units.h>

#define SETS           512u
#define PLACES         8u
#define ASKED_PART     0.25                  /* of what was asked before counts the newest window so much */
#define ASKED_MIN      1e-6                  /* of the loop's time: nothing */
#define SHARE_BURST_NS (100 * SES_NS_PER_MS) /* of one's share may be used at once */

struct ses_tally {
    struct ses_tally_entry entries[SETS * PLACES];
    double asked[SETS * PLACES]; /* while a level is sought */
};

enum ses_status ses_tally_new(struct ses_tally **ret_tally)
{
    struct ses_tally *tally = calloc(1, sizeof(*tally));

    if (tally == NULL)
        return SES_NO_MEMORY;
    *ret_tally = tally;
    return SES_OK;
}

void ses_tally_free(struct ses_tally *tally)
{
    free(tally);
}

struct ses_tally_entry *ses_tally_find(struct ses_tally *tally, uint64_t name, uint64_t now_ns)
{
    struct ses_tally_entry *set = &tally->entries[name % SETS * PLACES];
    struct ses_tally_entry *oldest = NULL;

    for (unsigned i = 0; i < PLACES; i++) {
        if (set[i].name == name) {
            set[i].used_ns = now_ns;
            return &set[i];
        }
        if (set[i].running == 0 && (oldest == NULL || set[i].used_ns < oldest->used_ns))
            oldest = &set[i];
    }
    if (oldest != NULL)
        *oldest = (struct ses_tally_entry){.name = name, .used_ns = now_ns};
    return oldest;
}

/* The same algorithm as a rate, with the cost as the interval: at a level of a tenth of the loop's time, a creation of
 * 30 us keeps the next one waiting for 300. */
bool ses_tally_take_share(struct ses_tally_entry *entry, double cost_ns, double level, uint64_t now_ns)
{
    entry->asked_ns += cost_ns;
    if (isinf(level))
        return true;
    double next_ns = (double)(entry->word > now_ns ? entry->word - now_ns : 0) + cost_ns / level;

    if (next_ns > (double)SHARE_BURST_NS && entry->word > now_ns) /* one call is never too large */
        return false;
    entry->word = now_ns + (uint64_t)next_ns;
    return true;
}

double ses_tally_level(struct ses_tally *tally, double room, double length_ns)
{
    size_t count = 0;

    for (size_t i = 0; i < (size_t)SETS * PLACES; i++) {
        struct ses_tally_entry *entry = &tally->entries[i];

        entry->asked += (entry->asked_ns / length_ns - entry->asked) * ASKED_PART;
        entry->asked_ns = 0;
        if (entry->asked > ASKED_MIN)
            tally->asked[count++] = entry->asked;
    }
    return ses_fair_level(tally->asked, count, room);
}
