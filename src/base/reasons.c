/* A search by halves: a flood of refusals is when it is called most. */
#include <sessiond/base/reasons.h>

#include <string.h>

static const char *const reasons[] = {SES_REASONS};

#define COUNT (sizeof(reasons) / sizeof(reasons[0]))
#define NONE  COUNT
#define OTHER (COUNT + 1)

static int compare(struct ses_slice reason, const char *known)
{
    size_t len = strlen(known);
    int order = memcmp(reason.data, known, reason.len < len ? reason.len : len);

    if (order != 0 || reason.len == len)
        return order;
    return reason.len < len ? -1 : 1;
}

unsigned ses_reason_index(struct ses_slice reason)
{
    size_t low = 0;
    size_t high = COUNT;

    if (reason.len == 0)
        return NONE;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(reason, reasons[middle]);

        if (order == 0)
            return (unsigned)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return OTHER;
}
