/* places.h - how many calls each owner has in flight, in a room (at a host) and in all: what its share is judged by. */
#ifndef SESSIOND_BASE_PLACES_H
#define SESSIOND_BASE_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include <sessiond/base/status.h>

struct ses_place_count;

/* A table of a fixed size, with room for as many calls as there can be: each counts twice, in its room and in all. */
struct ses_places {
    struct ses_place_count *slots;
    size_t mask;
};

SES_MUST_CHECK enum ses_status ses_places_open(struct ses_places *places, unsigned calls_max);
void ses_places_close(struct ses_places *places);

/* room: a host of connectors, an upstream server; only its address is looked at. NULL: in all of them. */
unsigned ses_places_held(const struct ses_places *places, const void *room, uint32_t owner);
/* One call more, and one less, of those that were added. */
void ses_places_add(struct ses_places *places, const void *room, uint32_t owner);
void ses_places_remove(struct ses_places *places, const void *room, uint32_t owner);

#endif
