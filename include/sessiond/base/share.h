/* share.h - how much of a common room one owner may hold, as arithmetic: places of a table, bytes of a disk, calls in
 * flight.
 *
 * The rule is that of dynamic thresholds (Choudhury and Hahne, 1998, for the shared memory of switches): an owner
 * gets more while it holds less than S / (100 - S) times what is free. Alone it comes to S percent of the room; n
 * greedy ones come to a n-th part of S n / (100 - S + S n) each, so that there is always something free for one that
 * comes later, and nobody has to know how many there are. What an owner holds already it keeps.
 */
#ifndef SESSIOND_BASE_SHARE_H
#define SESSIOND_BASE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

/* [any] May an owner that holds `held` have one more of a room of which `used` are taken? owner_percent is S; 100: no
 * bound. The room itself is somebody else's to keep: a little of it always counts as free, so that what others are
 * kept from is not kept from one that has next to nothing. */
bool ses_share_is_left(unsigned owner_percent, uint64_t held, uint64_t used, uint64_t room);

#endif
