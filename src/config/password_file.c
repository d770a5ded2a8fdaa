/* One line, of which the end is no part. */
#include <sessiond/config/password_file.h>

#include "file_text.h"

static const struct ses_file_text what = {.key = "store.pg.password_file",
                                          .content = "password",
                                          .secret = "password",
                                          .bytes_max = SES_PASSWORD_BYTES_MAX};

static size_t line_length(const struct ses_secret *text)
{
    size_t len = text->len;

    if (len > 0 && text->bytes[len - 1] == '\n')
        len--;
    if (len > 0 && text->bytes[len - 1] == '\r')
        len--;
    return len;
}

/* A password of two lines is a file of something else. */
static bool is_one_line(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] < ' ' || bytes[i] == 0x7f)
            return false;
    }
    return len > 0;
}

static enum ses_status take_line(const struct ses_config *config, const struct ses_secret *text,
                                 struct ses_secret *ret_password, struct ses_fault *fault)
{
    size_t len = line_length(text);
    struct ses_secret password;

    if (!is_one_line(text->bytes, len))
        return ses_file_text_refuse(config, what.key, &config->pg.password, SES_MALFORMED,
                                    "must hold one line, the password, without control characters", fault);
    if (ses_secret_new(len + 1, &password) != SES_OK)
        return ses_file_text_refuse(config, what.key, &config->pg.password, SES_NO_MEMORY,
                                    "no guarded memory to read it (ulimit -l)", fault);
    memcpy(password.bytes, text->bytes, len);
    password.len = len;
    *ret_password = password;
    return SES_OK;
}

enum ses_status ses_password_file_load(const struct ses_config *config, struct ses_secret *ret_password,
                                       struct ses_fault *ret_fault)
{
    struct ses_secret text = {.len = 0};
    enum ses_status status;

    *ret_password = (struct ses_secret){.len = 0};
    if (!ses_config_has_pg(config) || config->pg.password.path[0] == '\0')
        return SES_OK;
    status = ses_file_text_read_secret(config, &what, &config->pg.password, &text, ret_fault);
    if (status == SES_OK)
        status = take_line(config, &text, ret_password, ret_fault);
    ses_secret_free(&text);
    return status;
}

enum ses_status ses_password_file_check(const struct ses_config *config, struct ses_fault *ret_fault)
{
    struct ses_secret password;

    SES_TRY(ses_password_file_load(config, &password, ret_fault));
    ses_secret_free(&password);
    return SES_OK;
}
