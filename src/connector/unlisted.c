/* Connectors that this version has no row of: a newer protocol's. Who needs no call of ours to one only keeps its name with
 * the payment, so there is nothing to refuse. */
#include "registry.h"

#include <sessiond/base/ascii.h>

/* No connector's name has more than two digits; a card number has 12 at least, and must not get into logs and tokens by a
 * header that was mixed up. */
#define DIGITS_MAX 8

static bool is_lower(uint8_t c)
{
    return ses_ascii_is_letter(c) && ses_ascii_lower(c) == c;
}

bool ses_connector_name_check(struct ses_slice name)
{
    size_t digits = 0;

    if (name.len == 0 || name.len > SES_CONNECTOR_NAME_BYTES_MAX || !is_lower(name.data[0]))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        uint8_t c = name.data[i];

        digits += ses_ascii_is_digit(c);
        if (!is_lower(c) && !ses_ascii_is_digit(c) && c != '_')
            return false;
    }
    return digits <= DIGITS_MAX;
}

/* Row and name in one piece. */
enum ses_status ses_connector_unlisted(struct ses_slice name, struct ses_arena *arena,
                                       const struct ses_connector **ret_connector)
{
    struct ses_connector *row;
    const char *copy;

    if (!ses_connector_name_check(name))
        return SES_MALFORMED;
    row = ses_arena_alloc(arena, sizeof(*row));
    copy = ses_arena_str(arena, name);
    if (row == NULL || copy == NULL)
        return SES_NO_MEMORY;
    *row = (struct ses_connector){.number = 0, .name = copy, .metric = -1};
    *ret_connector = row;
    return SES_OK;
}

static bool is_upper(uint8_t c)
{
    return ses_ascii_is_letter(c) && ses_ascii_lower(c) != c;
}

/* The protocol's generator makes a variant of each name by capitals: "pinelabs_online" is PinelabsOnline. Two capitals in a
 * row, as a key or a token would have, come of no name. */
enum ses_status ses_connector_of_variant(const char *variant, struct ses_arena *arena,
                                         const struct ses_connector **ret_connector)
{
    uint8_t name[SES_CONNECTOR_NAME_BYTES_MAX];
    size_t len = 0;
    bool capital = true; /* the one before, or none is before */

    if (!is_upper((uint8_t)variant[0]))
        return SES_MALFORMED;
    for (const char *c = variant; *c != '\0'; c++) {
        bool upper = is_upper((uint8_t)*c);

        if ((upper && capital && c != variant) || len + 2 > sizeof(name))
            return SES_MALFORMED;
        if (upper && c != variant)
            name[len++] = '_';
        name[len++] = ses_ascii_lower((uint8_t)*c);
        capital = upper;
    }
    if (strchr(variant, '_') != NULL)
        return SES_MALFORMED;
    *ret_connector = ses_connector_by_name(ses_slice(name, len));
    return *ret_connector != NULL ? SES_OK
                                  : ses_connector_unlisted(ses_slice(name, len), arena, ret_connector);
}

/* ---- a slip of the pen --------------------------------------------------------------------------- */

static size_t same_ends(struct ses_slice a, struct ses_slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    size_t front = 0;
    size_t back = 0;

    while (front < len && a.data[front] == b.data[front])
        front++;
    while (back < len - front && a.data[a.len - 1 - back] == b.data[b.len - 1 - back])
        back++;
    return front + back;
}

/* A letter too many, too few or another one; or two that stand in each other's place. */
static bool is_near(struct ses_slice a, struct ses_slice b)
{
    size_t longer = a.len > b.len ? a.len : b.len;
    size_t differ = longer - same_ends(a, b);
    size_t at = 0;

    if (differ <= 1)
        return true;
    if (differ != 2 || a.len != b.len)
        return false;
    while (a.data[at] == b.data[at])
        at++;
    return a.data[at] == b.data[at + 1] && a.data[at + 1] == b.data[at];
}

const char *ses_connector_nearest(struct ses_slice name)
{
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        if (is_near(name, ses_slice_str(ses_connector_table[i].name)))
            return ses_connector_table[i].name;
    }
    return NULL;
}
