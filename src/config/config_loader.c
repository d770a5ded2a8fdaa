/* Reading one value: refusals that name its place, choices, a merchant's row. */
#include "config_loader.h"

#include <string.h>

struct value ses_config_choose(const char *option_text, const char *option, const char *file_text,
                               const char *key)
{
    return (struct value){.text = option_text != NULL ? option_text : file_text,
                          .key = key,
                          .option = option_text != NULL ? option : NULL};
}

/* A complaint points at where the value came from: the option, the file's line, or (a default that
 * contradicts what was given) the key alone. */
enum ses_status ses_config_refuse(const struct loader *loader, const struct value *value, const char *what)
{
    size_t line = loader->lines->file == NULL ? 0 : ses_config_lines_find(loader->lines, value->key);

    if (value->option != NULL)
        return ses_fault(loader->fault, SES_INVALID_ARGUMENT, "%s: %s", value->option, what);
    if (line == 0) /* a default that does not go together with what was given */
        return ses_fault(loader->fault, SES_MALFORMED, "%s: %s", value->key, what);
    return ses_fault(loader->fault, SES_MALFORMED, "%s:%zu: %s: %s", loader->lines->file, line, value->key,
                     what);
}

/* Printable, since it ends up in log lines, tokens and messages. */
enum ses_status ses_config_read_text(const struct loader *loader, const struct value *value,
                                     const char *usual, size_t size, char *ret_text)
{
    const char *text = value->text == NULL ? usual : value->text;

    if (text[0] == '\0')
        return ses_config_refuse(loader, value, "must not be empty");
    if (strlen(text) >= size)
        return ses_config_refuse(loader, value, "is too long");
    if (!ses_utf8_printable_check(ses_slice_str(text)))
        return ses_config_refuse(loader, value, "must be printable UTF-8");
    memcpy(ret_text, text, strlen(text) + 1);
    return SES_OK;
}

/* The index is the enum's value, or one less (config_binding.c). */
enum ses_status ses_config_read_choice(const struct loader *loader, const struct value *value,
                                       const char *const *names, size_t count, const char *what,
                                       unsigned *ret_choice)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(value->text, names[i]) == 0) {
            *ret_choice = i;
            return SES_OK;
        }
    }
    return ses_config_refuse(loader, value, what);
}

/* At the last space: the value behind it never has one, a merchant's name may. */
enum ses_status ses_config_split_merchant(const struct loader *loader, const struct value *value,
                                          struct ses_config_merchant *ret_row)
{
    char text[SES_CONFIG_MERCHANT_SIZE + SES_CONFIG_TEXT_SIZE];
    char *space;

    SES_TRY(ses_config_read_text(loader, value, "", sizeof(text), text));
    space = strrchr(text, ' ');
    if (space == NULL || space == text || space[1] == '\0')
        return ses_config_refuse(loader, value, "each entry must be a merchant, a space and its value");
    *space = '\0';
    if (strlen(text) >= sizeof(ret_row->merchant) || strlen(space + 1) >= sizeof(ret_row->origin))
        return ses_config_refuse(loader, value, "is too long");
    memcpy(ret_row->merchant, text, strlen(text) + 1);
    memcpy(ret_row->origin, space + 1, strlen(space + 1) + 1);
    return SES_OK;
}

/* Numbers come as text (config_schema.h) and are read strictly: no sign, no blank, no other base. */
enum ses_status ses_config_read_number(const struct loader *loader, const struct value *value, uint64_t low,
                                       uint64_t high, uint64_t usual, uint64_t *ret_number)
{
    char what[96];
    uint64_t number = 0;

    if (value->text == NULL) {
        *ret_number = usual;
        return SES_OK;
    }
    if (ses_parse_u64(ses_slice_str(value->text), high, &number) != SES_OK || number < low) {
        (void)snprintf(what, sizeof(what), "must be a whole number from %llu to %llu",
                       (unsigned long long)low, (unsigned long long)high);
        return ses_config_refuse(loader, value, what);
    }
    *ret_number = number;
    return SES_OK;
}
