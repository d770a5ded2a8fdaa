/* Gathering what a return brought: each name and value becomes text and is bounded here, whatever form it came in. */
#include "return_form.h"

#include "return_text.h"

enum ses_status ses_return_form_init(struct ses_return_form *form, struct ses_arena *arena,
                                     enum ses_charset charset)
{
    *form = (struct ses_return_form){.arena = arena, .charset = charset};
    form->parameters = ses_arena_alloc(arena, SES_RETURN_PARAMETERS_MAX * sizeof(*form->parameters));
    return form->parameters == NULL ? SES_NO_MEMORY : SES_OK;
}

/* Bounded before the text is made and again afterwards: making UTF-8 of it can make it three times as
 * long. */
enum ses_status ses_return_form_add(struct ses_return_form *form, struct ses_slice name,
                                    struct ses_slice value)
{
    struct ses_return_parameter parameter;

    if (form->count == SES_RETURN_PARAMETERS_MAX || name.len > SES_RETURN_NAME_BYTES_MAX ||
        value.len > SES_RETURN_BYTES_MAX)
        return SES_TOO_LARGE;
    SES_TRY(ses_return_text(name, form->charset, form->arena, &parameter.name));
    SES_TRY(ses_return_text(value, form->charset, form->arena, &parameter.value));
    form->bytes += parameter.name.len + parameter.value.len;
    if (parameter.name.len > SES_RETURN_NAME_BYTES_MAX || form->bytes > SES_RETURN_BYTES_MAX)
        return SES_TOO_LARGE;
    form->parameters[form->count++] = parameter;
    return SES_OK;
}
