#include "journey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/slice.h>

#define CHUNK 256

static const char *const step_names[LOAD_STEP_COUNT] = {
    [LOAD_CREATE] = "create",
    [LOAD_GET] = "get",
    [LOAD_GET_STORED] = "get_stored",
    [LOAD_BEGIN_STEP] = "begin_step",
    [LOAD_RETURN_GET] = "return_get",
    [LOAD_RETURN_POST] = "return_post",
    [LOAD_CHALLENGE_PASSED] = "challenge_passed",
    [LOAD_PROCESSING_STARTED] = "processing_started",
    [LOAD_COMPLETED] = "completed",
    [LOAD_COMPLETED_BY_WEBHOOK] = "completed_by_webhook",
    [LOAD_BROWSER_RETURNED] = "browser_returned",
    [LOAD_CHANGE_STORED] = "change_stored",
    [LOAD_AUTHORIZE_STORED] = "authorize_stored",
    [LOAD_ACCESS_TOKEN] = "access_token",
};

#define SCRIPT(name, ...)                                                                                    \
    {                                                                                                        \
        name, {__VA_ARGS__}, sizeof((enum load_step[]){__VA_ARGS__}) / sizeof(enum load_step)                \
    }

static const struct load_script scripts[] = {
    SCRIPT("create", LOAD_CREATE),
    SCRIPT("read", LOAD_CREATE, LOAD_GET),
    SCRIPT("redirect", LOAD_CREATE, LOAD_BEGIN_STEP, LOAD_RETURN_GET, LOAD_GET, LOAD_COMPLETED),
    SCRIPT("three_ds", LOAD_CREATE, LOAD_GET, LOAD_BEGIN_STEP, LOAD_RETURN_POST, LOAD_GET,
           LOAD_CHALLENGE_PASSED, LOAD_PROCESSING_STARTED, LOAD_COMPLETED),
    SCRIPT("three_ds_grpc", LOAD_CREATE, LOAD_GET, LOAD_BEGIN_STEP, LOAD_BROWSER_RETURNED, LOAD_GET,
           LOAD_CHALLENGE_PASSED, LOAD_PROCESSING_STARTED, LOAD_COMPLETED),
    SCRIPT("webhook", LOAD_CREATE, LOAD_COMPLETED_BY_WEBHOOK),
    SCRIPT("get_stored", LOAD_GET_STORED), /* from here on by --method only */
    SCRIPT("change_stored", LOAD_CHANGE_STORED),
    SCRIPT("authorize_stored", LOAD_AUTHORIZE_STORED),
    SCRIPT("access_token", LOAD_ACCESS_TOKEN),
};

#define SCRIPTS_COUNT (sizeof(scripts) / sizeof(scripts[0]))
#define SCRIPTS_MIX   (SCRIPTS_COUNT - 4) /* the last ones are no payments */

_Static_assert(SCRIPTS_COUNT <= LOAD_SCRIPTS_MAX, "a weight for each script");

const char *load_step_name(enum load_step step)
{
    return step_names[step];
}

size_t load_scripts_count(void)
{
    return SCRIPTS_COUNT;
}

const struct load_script *load_script_at(size_t i)
{
    return &scripts[i];
}

size_t load_script_index(const struct load_script *script)
{
    return (size_t)(script - scripts);
}

static size_t find_script(struct ses_slice name, size_t count)
{
    size_t i = 0;

    while (i < count && !ses_slice_eq_str(name, scripts[i].name))
        i++;
    return i;
}

static bool refuse_name(struct ses_slice name, char ret_error[LOAD_MIX_ERROR_MAX])
{
    int n = snprintf(ret_error, LOAD_MIX_ERROR_MAX, "no journey is called '%.*s'; there are",
                     (int)(name.len < 32 ? name.len : 32), (const char *)name.data);

    for (size_t i = 0; i < SCRIPTS_MIX && n < LOAD_MIX_ERROR_MAX; i++)
        n += snprintf(ret_error + n, (size_t)(LOAD_MIX_ERROR_MAX - n), "%s %s", i == 0 ? "" : ",",
                      scripts[i].name);
    return false;
}

/* NAME=WEIGHT */
static bool take_part(struct ses_slice part, struct load_mix *mix, char ret_error[LOAD_MIX_ERROR_MAX])
{
    size_t sign = ses_slice_find(part, '=');
    struct ses_slice name = ses_slice_cut(part, 0, sign);
    size_t script = find_script(name, SCRIPTS_MIX);
    uint64_t weight;

    if (script == SCRIPTS_MIX)
        return refuse_name(name, ret_error);
    if (ses_parse_u64(ses_slice_cut(part, sign + 1, part.len), LOAD_WEIGHT_MAX, &weight) != SES_OK ||
        weight == 0) {
        (void)snprintf(ret_error, LOAD_MIX_ERROR_MAX, "%s wants a weight, %s=N with N of 1 to %u",
                       scripts[script].name, scripts[script].name, LOAD_WEIGHT_MAX);
        return false;
    }
    if (mix->weight[script] != 0) {
        (void)snprintf(ret_error, LOAD_MIX_ERROR_MAX, "%s is named twice", scripts[script].name);
        return false;
    }
    mix->weight[script] = (uint32_t)weight;
    mix->weight_sum += weight;
    return true;
}

bool load_mix_parse(const char *text, struct load_mix *ret_mix, char ret_error[LOAD_MIX_ERROR_MAX])
{
    struct ses_slice rest = ses_slice_str(text);
    struct load_mix mix = {{0}, 0};

    do {
        size_t comma = ses_slice_find(rest, ',');

        if (!take_part(ses_slice_cut(rest, 0, comma), &mix, ret_error))
            return false;
        if (comma >= rest.len)
            break;
        rest = ses_slice_cut(rest, comma + 1, rest.len);
    } while (true);
    *ret_mix = mix;
    return true;
}

struct load_mix load_mix_of(const char *name)
{
    struct load_mix mix = {{0}, 1};
    size_t script = find_script(ses_slice_str(name), SCRIPTS_COUNT);

    SES_REQUIRE(script < SCRIPTS_COUNT);
    mix.weight[script] = 1;
    return mix;
}

bool load_mix_has_journeys(const struct load_mix *mix)
{
    for (size_t i = 0; i < SCRIPTS_COUNT; i++)
        if (mix->weight[i] != 0 && scripts[i].steps_count > 1)
            return true;
    return false;
}

/* ---- the payments under way */

struct chunk {
    struct chunk *next;
    struct load_journey journeys[CHUNK];
};

struct load_journeys {
    struct load_mix mix;
    struct chunk *chunks;
    struct load_journey *free;
    struct load_journey *thinking, **thinking_end;
    uint64_t next_number;
    uint64_t seed;
    unsigned made;
};

struct load_journeys *load_journeys_new(const struct load_mix *mix, uint64_t first_number)
{
    struct load_journeys *journeys = calloc(1, sizeof(*journeys));

    SES_REQUIRE(journeys != NULL && mix->weight_sum > 0);
    journeys->mix = *mix;
    journeys->next_number = first_number;
    journeys->seed = UINT64_C(0x9e3779b97f4a7c15); /* the same order of journeys in every run */
    journeys->thinking_end = &journeys->thinking;
    return journeys;
}

void load_journeys_free(struct load_journeys *journeys)
{
    while (journeys->chunks != NULL) {
        struct chunk *chunk = journeys->chunks;

        journeys->chunks = chunk->next;
        free(chunk);
    }
    free(journeys);
}

static const struct load_script *choose(struct load_journeys *journeys)
{
    uint64_t left;
    size_t i = 0;

    journeys->seed ^= journeys->seed >> 12;
    journeys->seed ^= journeys->seed << 25;
    journeys->seed ^= journeys->seed >> 27;
    left = (journeys->seed * UINT64_C(2685821657736338717) >> 11) % journeys->mix.weight_sum;
    while (left >= journeys->mix.weight[i])
        left -= journeys->mix.weight[i++];
    return &scripts[i];
}

static void make_more(struct load_journeys *journeys)
{
    struct chunk *chunk = malloc(sizeof(*chunk));

    SES_REQUIRE(chunk != NULL);
    chunk->next = journeys->chunks;
    journeys->chunks = chunk;
    for (unsigned i = 0; i < CHUNK; i++) {
        chunk->journeys[i].next = journeys->free;
        journeys->free = &chunk->journeys[i];
    }
    journeys->made += CHUNK;
}

struct load_journey *load_journeys_begin(struct load_journeys *journeys)
{
    struct load_journey *journey;

    if (journeys->free == NULL && journeys->made >= LOAD_JOURNEYS_MAX)
        return NULL;
    if (journeys->free == NULL)
        make_more(journeys);
    journey = journeys->free;
    journeys->free = journey->next;
    journey->script = choose(journeys);
    journey->step = 0;
    journey->number = journeys->next_number++;
    journey->version = 0;
    journey->status = 0;
    journey->token_len = 0;
    journey->handle_len = 0;
    return journey;
}

void load_journeys_end(struct load_journeys *journeys, struct load_journey *journey)
{
    journey->next = journeys->free;
    journeys->free = journey;
}

void load_journeys_think(struct load_journeys *journeys, struct load_journey *journey, uint64_t due_ns)
{
    journey->due_ns = due_ns;
    journey->next = NULL;
    *journeys->thinking_end = journey;
    journeys->thinking_end = &journey->next;
}

const struct load_journey *load_journeys_first(const struct load_journeys *journeys)
{
    return journeys->thinking;
}

struct load_journey *load_journeys_take_first(struct load_journeys *journeys)
{
    struct load_journey *journey = journeys->thinking;

    if (journey == NULL)
        return NULL;
    journeys->thinking = journey->next;
    if (journeys->thinking == NULL)
        journeys->thinking_end = &journeys->thinking;
    return journey;
}
