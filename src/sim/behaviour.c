/* How an order id tells the simulator to misbehave: prefixes that are read one behind the other until
 * one is none. So a test needs no second channel, and each order can behave in its own way at the same
 * time. docs/sandbox.md has them for users. */
#include "sim.h"

/* A name ends at a dash or at the end: "hanging" is no "hang". No name begins another one and a dash. */
static const struct word {
    const char *name;
    const char *number; /* what stands behind the name; NULL: nothing */
    uint64_t low, high;
    bool latency; /* a number of milliseconds beside the mode, not a mode */
    enum sim_mode mode;
    const char *says;
} words[] = {
    {.name = "normal", .mode = SIM_NORMAL, .says = "a session, whatever POST /control has set"},
    {.name = "slow",
     .number = "MS",
     .high = SIM_LATENCY_MS_MAX,
     .latency = true,
     .says = "answers so many milliseconds later; another prefix may follow"},
    {.name = "hang", .mode = SIM_HANG, .says = "makes the session and never answers"},
    {.name = "close-half",
     .mode = SIM_CLOSE_HALF,
     .says = "makes the session, ends the connection in the middle of the answer"},
    {.name = "reset", .mode = SIM_RESET, .says = "makes the session, resets the connection"},
    {.name = "rubbish", .mode = SIM_RUBBISH, .says = "makes the session, answers 200 with a page of HTML"},
    {.name = "big", .mode = SIM_BIG, .says = "makes the session, answers 200 with 1 MiB that is no JSON"},
    {.name = "no-token",
     .mode = SIM_NO_TOKEN,
     .says = "makes the session, leaves its token out of the answer"},
    {.name = "declined", .mode = SIM_DECLINED, .says = "declines, in the connector's own words"},
    {.name = "http",
     .number = "STATUS",
     .low = 100,
     .high = 599,
     .mode = SIM_HTTP,
     .says = "refuses with that HTTP status"},
};

#define WORDS (sizeof(words) / sizeof(words[0]))

static bool skip(struct ses_slice *text, struct ses_slice prefix)
{
    if (!ses_slice_starts(*text, prefix))
        return false;
    *text = ses_slice_cut(*text, prefix.len, text->len);
    return true;
}

/* Up to the next dash, which is taken too, or to the end. */
static bool end_of_word(struct ses_slice *text)
{
    if (text->len > 0 && text->data[0] != '-')
        return false;
    *text = ses_slice_cut(*text, 1, text->len);
    return true;
}

static bool take_number(struct ses_slice *text, const struct word *word, uint64_t *ret_value)
{
    size_t end = ses_slice_find(*text, '-');

    if (ses_parse_u64(ses_slice_cut(*text, 0, end), word->high, ret_value) != SES_OK ||
        *ret_value < word->low)
        return false;
    *text = ses_slice_cut(*text, end + 1, text->len);
    return true;
}

/* Takes the word at the start of text, NULL if there is none. *ret_number is 0 where it has none. */
static const struct word *take_word(struct ses_slice *text, uint64_t *ret_number)
{
    for (size_t i = 0; i < WORDS; i++) {
        struct ses_slice rest = *text;

        *ret_number = 0;
        if (!skip(&rest, ses_slice_str(words[i].name)) || !end_of_word(&rest) ||
            (words[i].number != NULL && !take_number(&rest, &words[i], ret_number)))
            continue;
        *text = rest;
        return &words[i];
    }
    return NULL;
}

static void set_mode(struct sim_behaviour *behaviour, const struct word *word, uint64_t number)
{
    behaviour->mode = word->mode;
    if (word->mode == SIM_HTTP)
        behaviour->http_status = (unsigned)number;
}

/* Latency and mode are told apart, in any order; the last mode counts. */
struct sim_behaviour sim_behaviour_of(struct ses_slice order_id, struct sim_behaviour fallback)
{
    struct sim_behaviour behaviour = fallback;
    const struct word *word;
    uint64_t number;

    while (skip(&order_id, SES_STR("sim-")) && (word = take_word(&order_id, &number)) != NULL) {
        if (word->latency)
            behaviour.latency_ms = (uint32_t)number;
        else
            set_mode(&behaviour, word, number);
    }
    return behaviour;
}

enum ses_status sim_mode_parse(struct ses_slice text, struct sim_behaviour *behaviour)
{
    uint64_t number;
    const struct word *word = take_word(&text, &number);

    if (word == NULL || word->latency || text.len > 0)
        return SES_MALFORMED;
    set_mode(behaviour, word, number);
    return SES_OK;
}

enum ses_status sim_modes_append(struct ses_buf *buf)
{
    const char *comma = "";

    for (size_t i = 0; i < WORDS; i++) {
        const struct word *word = &words[i];

        if (word->latency)
            continue;
        SES_TRY(ses_buf_appendf(buf, "%s%s%s%s", comma, word->name, word->number == NULL ? "" : "-",
                                word->number == NULL ? "" : word->number));
        comma = ", ";
    }
    return SES_OK;
}

void sim_prefixes_print(FILE *file)
{
    char prefix[32];

    for (size_t i = 0; i < WORDS; i++) {
        const struct word *word = &words[i];

        (void)snprintf(prefix, sizeof(prefix), "sim-%s-%s%s", word->name,
                       word->number == NULL ? "" : word->number, word->number == NULL ? "" : "-");
        (void)fprintf(file, "  %-21s  %s\n", prefix, word->says);
    }
}
