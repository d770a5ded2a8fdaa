/* Copies on demand: what holds no card data, nearly everything, stays where it is. */
#include "return_mask.h"

#include <sessiond/domain/card_data.h>

static enum ses_status copy_of(struct ses_slice text, struct ses_arena *arena, uint8_t **ret_bytes)
{
    uint8_t *bytes = ses_arena_alloc(arena, text.len + 1);

    if (bytes == NULL)
        return SES_NO_MEMORY;
    if (text.len > 0)
        memcpy(bytes, text.data, text.len);
    *ret_bytes = bytes;
    return SES_OK;
}

/* Masked in place in the copy, so lengths do not change: limits that were checked before still hold. */
static enum ses_status mask_text(struct ses_slice *text, struct ses_arena *arena)
{
    uint8_t *bytes;

    if (ses_card_data_find(*text) == SES_CARD_DATA_NONE)
        return SES_OK;
    SES_TRY(copy_of(*text, arena, &bytes));
    (void)ses_card_data_mask(bytes, text->len);
    *text = ses_slice(bytes, text->len);
    return SES_OK;
}

/* cvv=123 came apart into a name and a value: neither alone tells. */
static enum ses_status mask_pair(struct ses_return_parameter *parameter, struct ses_arena *arena)
{
    uint8_t *bytes;

    SES_TRY(mask_text(&parameter->name, arena));
    SES_TRY(mask_text(&parameter->value, arena));
    if (!ses_card_data_pair(parameter->name, parameter->value))
        return SES_OK;
    SES_TRY(copy_of(parameter->value, arena, &bytes));
    memset(bytes, '*', parameter->value.len);
    parameter->value = ses_slice(bytes, parameter->value.len);
    return SES_OK;
}

enum ses_status ses_return_mask(struct ses_step_return *what, struct ses_return_parameter *parameters,
                                struct ses_arena *arena)
{
    for (size_t i = 0; i < what->parameters_count; i++)
        SES_TRY(mask_pair(&parameters[i], arena));
    return mask_text(&what->query, arena);
}
