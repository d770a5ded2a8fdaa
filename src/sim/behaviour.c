/* How an order id tells the simulator to misbehave: prefixes that are read one behind the other until
 * one is none. So a test needs no second channel, and each order can behave in its own way at the same
 * time. */
#include "sim.h"

static const struct {
    struct ses_slice name;
    enum sim_mode mode;
} modes[] = {
    {{(const uint8_t *)"normal", 6}, SIM_NORMAL},          {{(const uint8_t *)"hang", 4}, SIM_HANG},
    {{(const uint8_t *)"close-half", 10}, SIM_CLOSE_HALF}, {{(const uint8_t *)"reset", 5}, SIM_RESET},
    {{(const uint8_t *)"rubbish", 7}, SIM_RUBBISH},        {{(const uint8_t *)"big", 3}, SIM_BIG},
    {{(const uint8_t *)"no-token", 8}, SIM_NO_TOKEN},      {{(const uint8_t *)"declined", 8}, SIM_DECLINED},
};

static bool skip(struct ses_slice *text, struct ses_slice prefix)
{
    if (!ses_slice_starts(*text, prefix))
        return false;
    *text = ses_slice_cut(*text, prefix.len, text->len);
    return true;
}

/* A number up to the next dash or the end. */
static bool take_number(struct ses_slice *text, uint64_t max, uint64_t *ret_value)
{
    size_t end = ses_slice_find(*text, '-');

    if (ses_parse_u64(ses_slice_cut(*text, 0, end), max, ret_value) != SES_OK)
        return false;
    *text = ses_slice_cut(*text, end + 1, text->len);
    return true;
}

/* Takes the mode at the start of text. text is advanced only past a name that ends at a dash or at the
 * end: "hanging" is no "hang". */
static bool take_mode(struct ses_slice *text, struct sim_behaviour *behaviour)
{
    uint64_t number;

    if (skip(text, SES_STR("http-"))) {
        if (!take_number(text, 599, &number) || number < 100)
            return false;
        behaviour->mode = SIM_HTTP;
        behaviour->http_status = (unsigned)number;
        return true;
    }
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct ses_slice rest = *text;

        if (skip(&rest, modes[i].name) && (rest.len == 0 || rest.data[0] == '-')) {
            behaviour->mode = modes[i].mode;
            *text = ses_slice_cut(rest, 1, rest.len);
            return true;
        }
    }
    return false;
}

/* Latency and mode are told apart, in any order; the last mode counts. */
struct sim_behaviour sim_behaviour_of(struct ses_slice order_id, struct sim_behaviour fallback)
{
    struct sim_behaviour behaviour = fallback;
    uint64_t latency_ms;

    while (skip(&order_id, SES_STR("sim-"))) {
        if (skip(&order_id, SES_STR("slow-"))) {
            if (!take_number(&order_id, SIM_LATENCY_MS_MAX, &latency_ms))
                break;
            behaviour.latency_ms = (uint32_t)latency_ms;
        } else if (!take_mode(&order_id, &behaviour)) {
            break;
        }
    }
    return behaviour;
}

enum ses_status sim_mode_parse(struct ses_slice text, struct sim_behaviour *behaviour)
{
    struct sim_behaviour parsed = *behaviour;

    if (!take_mode(&text, &parsed) || text.len > 0)
        return SES_MALFORMED;
    *behaviour = parsed;
    return SES_OK;
}
