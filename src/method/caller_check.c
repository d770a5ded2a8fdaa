/* One refusal for the gate and for the methods. */
#include "caller_check.h"

#include "refusal.h"

static void miss(struct ses_error *error, struct ses_slice what, struct ses_slice which)
{
    if (error->status == SES_OK)
        ses_refusal_set(error, SES_REASON_CALLER_NOT_ALLOWED, 0,
                        SES_STR("the caller is known, but has not what this call needs"));
    ses_error_metadata(error, what, which);
}

static struct ses_slice words(const struct ses_caller_word *of, size_t count, unsigned bits,
                              struct ses_arena *arena)
{
    char text[SES_RIGHTS_TEXT_SIZE];
    size_t len = ses_caller_words_text(of, count, bits, text);
    char *copy = ses_arena_str(arena, ses_slice(text, len));

    return copy == NULL ? SES_STR("?") : ses_slice_str(copy);
}

enum ses_status ses_caller_allows(const struct ses_caller *caller, const struct ses_caller_wants *wants,
                                  struct ses_arena *arena, struct ses_error *ret_error)
{
    struct ses_error error = {.status = SES_OK};

    if (wants->rights != 0 && (caller->rights & wants->rights) == 0)
        miss(&error, SES_STR("right"), words(ses_right_words, SES_RIGHT_WORDS, wants->rights, arena));
    if (wants->mode != 0 && (caller->modes & wants->mode) == 0)
        miss(&error, SES_STR("mode"),
             words(ses_caller_mode_words, SES_CALLER_MODE_WORDS, wants->mode, arena));
    if (wants->tenant != NULL && !ses_caller_places_have(&caller->tenants, *wants->tenant))
        miss(&error, SES_STR("tenant"), SES_STR("x-tenant-id"));
    if (wants->merchant != NULL && !ses_caller_places_have(&caller->merchants, *wants->merchant))
        miss(&error, SES_STR("merchant"), SES_STR("x-merchant-id"));
    if (error.status != SES_OK)
        *ret_error = error;
    return error.status;
}

enum ses_status ses_caller_check(struct ses_exchange *x, enum ses_right right, bool test_mode,
                                 struct ses_error *ret_error)
{
    struct ses_caller_wants wants = {.rights = right, .mode = test_mode ? SES_CALLER_TEST : SES_CALLER_LIVE};

    if (x->caller == NULL)
        return SES_OK;
    return ses_caller_allows(x->caller, &wants, &x->arena, ret_error);
}
