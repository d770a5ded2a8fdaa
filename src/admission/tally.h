/* tally.h - what a worker knows of a merchant or a caller just now: how many of its calls are in progress, and what it
 * takes of the loop's time while there is too much to do.
 *
 * A fixed number of places, eight to a set, found by a keyed hash that nobody outside can aim. A newcomer takes
 * the place that was not used for longest; one whose calls are in progress keeps its own, so that they are given
 * back where they were taken. Who finds no place is let through uncounted: that needs eight others of the same
 * set at work. Forgetting somebody who does nothing takes nothing from him: his count is 0, and his share is whole.
 */
#ifndef SESSIOND_SRC_ADMISSION_TALLY_H
#define SESSIOND_SRC_ADMISSION_TALLY_H

#include <sessiond/base/status.h>

#include "fair.h"

struct ses_tally_entry {
    uint64_t name;    /* 0: nobody's */
    uint64_t used_ns; /* last */
    uint64_t word;    /* of its share (rates.h), in time of the loop */
    double asked_ns;  /* cost of the creations it wanted in this window, refused ones too */
    double asked;     /* of the last windows, ns a ns */
    double cost_ns;   /* of one of its creations; 0: not known yet */
    uint32_t running;
};

struct ses_tally;

SES_MUST_CHECK enum ses_status ses_tally_new(struct ses_tally **ret_tally);
void ses_tally_free(struct ses_tally *tally);
/* Its entry, or a new one. NULL: there is no place. */
struct ses_tally_entry *ses_tally_find(struct ses_tally *tally, uint64_t name, uint64_t now_ns);

/* A creation that costs cost_ns is wanted at now_ns; may it come in, where everybody has `level` of the loop's time
 * (INFINITY: as much as he likes)? */
bool ses_tally_take_share(struct ses_tally_entry *entry, double cost_ns, double level, uint64_t now_ns);
/* The end of a window of length_ns: the level at which all of them fit into room. */
double ses_tally_level(struct ses_tally *tally, double room, double length_ns);

#endif
