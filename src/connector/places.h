/* places.h - how many calls each owner has in flight, at a host and in all: what its share is judged by. */
#ifndef SESSIOND_SRC_CONNECTOR_PLACES_H
#define SESSIOND_SRC_CONNECTOR_PLACES_H

#include <stddef.h>

#include <sessiond/connector/connector.h>

struct ses_host;

struct ses_place_count;

/* A table of a fixed size, with room for as many calls as there can be: each counts twice, at its host and in all. */
struct ses_places {
    struct ses_place_count *slots;
    size_t mask;
};

SES_MUST_CHECK enum ses_status ses_places_open(struct ses_places *places, unsigned calls_max);
void ses_places_close(struct ses_places *places);

/* host NULL: at all of them. */
unsigned ses_places_held(const struct ses_places *places, const struct ses_host *host, uint32_t owner);
/* One call more, and one less, of those that were added. */
void ses_places_add(struct ses_places *places, const struct ses_host *host, uint32_t owner);
void ses_places_remove(struct ses_places *places, const struct ses_host *host, uint32_t owner);

#endif
