/* Items stand one behind another in a buffer that doubles. realloc may move it, so a pointer to an item is
 * good until the next reserve; afterwards items are reached by their offsets. A batch is the loop's until it
 * is handed over and again when it comes back, so nothing here is locked.
 */
#include "batch.h"

#include <stdlib.h>

_Static_assert(sizeof(struct batch_item) % 8 == 0, "values stay aligned");

struct ses_batch *ses_batch_new(void)
{
    return calloc(1, sizeof(struct ses_batch));
}

void ses_batch_free(struct ses_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->bytes);
    free(batch);
}

void ses_batch_reset(struct ses_batch *batch)
{
    if (batch->room > BATCH_KEEP_BYTES) {
        free(batch->bytes);
        batch->bytes = NULL;
        batch->room = 0;
    }
    batch->len = 0;
    batch->count = 0;
    batch->value_bytes = 0;
    batch->next = NULL;
    batch->status = SES_OK;
}

struct batch_item *ses_batch_reserve(struct ses_batch *batch, size_t value_bytes)
{
    size_t stride = (sizeof(struct batch_item) + value_bytes + 7) & ~(size_t)7;
    struct batch_item *item;

    if (batch->room - batch->len < stride) {
        size_t room = batch->room < BATCH_ROOM_BYTES ? BATCH_ROOM_BYTES : batch->room * 2;
        uint8_t *bytes;

        while (room - batch->len < stride)
            room *= 2;
        bytes = realloc(batch->bytes, room);
        if (bytes == NULL)
            return NULL;
        batch->bytes = bytes;
        batch->room = room;
    }
    item = (struct batch_item *)(void *)(batch->bytes + batch->len);
    *item = (struct batch_item){.stride = (uint32_t)stride, .value_bytes = (uint32_t)value_bytes};
    return item;
}

void ses_batch_add(struct ses_batch *batch, const struct batch_item *item)
{
    batch->len += item->stride;
    batch->value_bytes += item->value_bytes;
    batch->count++;
}
