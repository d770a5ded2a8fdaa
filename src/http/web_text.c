/* Whole groups without padding are decoded in one go, as they stand; what the network has cut, and what ends a piece,
 * group by group. */
#include "web_text.h"

#include <sessiond/base/encode.h>

static struct ses_slice take(struct ses_slice *text, size_t len)
{
    struct ses_slice front = ses_slice_cut(*text, 0, len);

    *text = ses_slice_cut(*text, front.len, text->len);
    return front;
}

/* Of what stands whole before the next padding. */
static size_t whole_len(struct ses_slice text, size_t room)
{
    size_t groups = ses_slice_find(text, '=') / 4;

    return 4 * (groups < room / 3 ? groups : room / 3);
}

static enum ses_status decode_group(struct ses_web_text *state, struct ses_slice *text, uint8_t *ret_bytes,
                                    size_t room, size_t *ret_len)
{
    struct ses_slice part = take(text, sizeof(state->group) - state->len);

    memcpy(state->group + state->len, part.data, part.len);
    state->len += (unsigned)part.len;
    *ret_len = 0;
    if (state->len < sizeof(state->group))
        return SES_OK;
    state->len = 0;
    return ses_base64_decode(ses_slice(state->group, sizeof(state->group)), ret_bytes, room, ret_len);
}

/* A broken group that others stand before is left for the next call: whatever the network has cut, the same bytes come
 * before the fault. */
enum ses_status ses_web_text_decode(struct ses_web_text *state, struct ses_slice *text, uint8_t *ret_bytes,
                                    size_t room, size_t *ret_len)
{
    bool by_runs = true;
    size_t at = 0;

    while (text->len > 0 && room - at >= 3) {
        struct ses_web_text before = *state;
        struct ses_slice rest = *text;
        size_t run = state->len == 0 && by_runs ? whole_len(*text, room - at) : 0;
        size_t len;
        enum ses_status status = run > 0 ? ses_base64_decode(take(text, run), ret_bytes + at, room - at, &len)
                                         : decode_group(state, text, ret_bytes + at, room - at, &len);

        if (status == SES_OK) {
            at += len;
            continue;
        }
        *state = before;
        *text = rest;
        if (run == 0 && at == 0)
            return status;
        if (run == 0)
            break;
        by_runs = false; /* up to where it is broken */
    }
    *ret_len = at;
    return SES_OK;
}

bool ses_web_text_inside(const struct ses_web_text *state)
{
    return state->len > 0;
}
