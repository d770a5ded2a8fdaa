#include <sessiond/base/share.h>

/* So much counts as free even where the room is used up, which it is a little too late (several processes look, and not
 * at each claim). A table has slots beyond its room; a shard and the calls of a worker have not, and are full then. */
#define ALWAYS_PART 1024

bool ses_share_is_left(unsigned owner_percent, uint64_t held, uint64_t used, uint64_t room)
{
    uint64_t always = room / ALWAYS_PART + 1;
    uint64_t free = used + always < room ? room - used : always;

    return owner_percent >= 100 || held * (100 - owner_percent) < free * owner_percent;
}
