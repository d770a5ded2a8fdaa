/* Linear probing, at most half full. A count that comes to nothing leaves, and what was pushed past it moves back
 * (Knuth, The Art of Computer Programming, volume 3, 6.4, algorithm R), so that nothing has to be swept. Owners are
 * keyed hashes of names that nobody outside can aim. */
#include <sessiond/base/places.h>

#include <stdlib.h>

struct ses_place_count {
    const void *room; /* NULL: of all rooms */
    uint32_t owner;
    uint32_t calls; /* 0: the slot is free */
};

enum ses_status ses_places_open(struct ses_places *places, unsigned calls_max)
{
    size_t slots = 4;

    while (slots < (size_t)calls_max * 4)
        slots *= 2;
    *places = (struct ses_places){.slots = calloc(slots, sizeof(*places->slots)), .mask = slots - 1};
    return places->slots == NULL ? SES_NO_MEMORY : SES_OK;
}

void ses_places_close(struct ses_places *places)
{
    free(places->slots);
    *places = (struct ses_places){.slots = NULL};
}

static size_t home_of(const struct ses_places *places, const void *room, uint32_t owner)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)room ^ (uint64_t)owner << 32) * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(mixed >> 32) & places->mask;
}

/* Its slot, or the free one where it would be. */
static size_t find(const struct ses_places *places, const void *room, uint32_t owner)
{
    size_t at = home_of(places, room, owner);

    while (places->slots[at].calls != 0 &&
           (places->slots[at].room != room || places->slots[at].owner != owner))
        at = (at + 1) & places->mask;
    return at;
}

unsigned ses_places_held(const struct ses_places *places, const void *room, uint32_t owner)
{
    return places->slots[find(places, room, owner)].calls;
}

static void add(struct ses_places *places, const void *room, uint32_t owner)
{
    struct ses_place_count *slot = &places->slots[find(places, room, owner)];

    slot->room = room;
    slot->owner = owner;
    slot->calls++;
}

/* Whatever follows without a gap and would not be found any more moves into it. */
static void close_gap(struct ses_places *places, size_t gap)
{
    struct ses_place_count *slots = places->slots;

    for (size_t at = (gap + 1) & places->mask; slots[at].calls != 0; at = (at + 1) & places->mask) {
        size_t from_home = (at - home_of(places, slots[at].room, slots[at].owner)) & places->mask;

        if (from_home >= ((at - gap) & places->mask)) {
            slots[gap] = slots[at];
            gap = at;
        }
    }
    slots[gap] = (struct ses_place_count){.calls = 0};
}

static void subtract(struct ses_places *places, const void *room, uint32_t owner)
{
    size_t at = find(places, room, owner);

    SES_REQUIRE(places->slots[at].calls > 0);
    if (--places->slots[at].calls == 0)
        close_gap(places, at);
}

void ses_places_add(struct ses_places *places, const void *room, uint32_t owner)
{
    add(places, room, owner);
    add(places, NULL, owner);
}

void ses_places_remove(struct ses_places *places, const void *room, uint32_t owner)
{
    subtract(places, room, owner);
    subtract(places, NULL, owner);
}
