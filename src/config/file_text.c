/* The whole of a file, or a sentence that says what is wrong with it and where it was named. */
#include "file_text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/file.h>

enum ses_status ses_file_text_refuse(const struct ses_config *config, const char *key,
                                     const struct ses_config_tls_file *file, enum ses_status status,
                                     const char *what, struct ses_fault *ret_fault)
{
    if (file->line == 0) /* the sandbox's own */
        return ses_fault(ret_fault, status, "%s: %s", file->path, what);
    return ses_fault(ret_fault, status, "%s:%u: %s: %s: %s", config->file, file->line, key, file->path, what);
}

/* As databases have it: a key belongs to whoever runs us and is for nobody else; one that root owns may be read by a
 * group, which is how machines hand keys to services. */
static bool is_private(const struct stat *st)
{
    mode_t refused = st->st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;

    return (st->st_mode & refused) == 0;
}

static const char *last_word(const char *text)
{
    const char *blank = strrchr(text, ' ');

    return blank == NULL ? text : blank + 1;
}

static enum ses_status judge(const struct stat *st, const struct ses_file_text *what, struct ses_fault *fault)
{
    if (!S_ISREG(st->st_mode))
        return ses_fault(fault, SES_IO, "is not a file: name one that holds %s", what->content);
    if (what->secret != NULL && !is_private(st))
        return ses_fault(fault, SES_PERMISSION_DENIED,
                         "others than its owner can read this %s (mode %04o): use chmod 600, and a new %s if "
                         "somebody may have",
                         what->secret, (unsigned)(st->st_mode & 07777), last_word(what->secret));
    if (st->st_size == 0)
        return ses_fault(fault, SES_MALFORMED, "is empty: write the %s there again", what->content);
    if ((size_t)st->st_size > what->bytes_max)
        return ses_fault(fault, SES_MALFORMED, "is larger than %zu KiB: write the %s there again",
                         what->bytes_max / SES_KIB, what->content);
    return SES_OK;
}

static enum ses_status open_file(const char *path, const struct ses_file_text *what, int *ret_fd,
                                 size_t *ret_len, struct ses_fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st = {.st_size = 0};
    enum ses_status status;

    if (fd < 0 || fstat(fd, &st) != 0)
        status = ses_fault_open(fault, NULL, errno);
    else
        status = judge(&st, what, fault);
    if (status != SES_OK && fd >= 0)
        (void)close(fd);
    if (status == SES_OK) {
        *ret_fd = fd;
        *ret_len = (size_t)st.st_size;
    }
    return status;
}

/* Exactly so much as there was: a file that somebody writes just now is refused. */
static enum ses_status read_all(int fd, uint8_t *to, size_t len, struct ses_fault *fault)
{
    uint8_t more;

    if (!ses_file_read_all(fd, to, len) || read(fd, &more, 1) != 0)
        return ses_fault(
            fault, SES_IO,
            "cannot be read whole, or is being written: try again, and replace files by rename (mv)");
    return SES_OK;
}

static enum ses_status read_text(const char *path, const struct ses_file_text *what, struct ses_buf *buf,
                                 struct ses_fault *fault)
{
    enum ses_status status;
    size_t len;
    int fd;

    SES_TRY(open_file(path, what, &fd, &len, fault));
    if (ses_buf_reserve(buf, len) != SES_OK) {
        status = ses_fault(fault, SES_NO_MEMORY, "no memory to read it");
    } else {
        status = read_all(fd, buf->data, len, fault);
        buf->len = len;
    }
    (void)close(fd);
    return status;
}

static enum ses_status read_secret(const char *path, const struct ses_file_text *what,
                                   struct ses_secret *secret, struct ses_fault *fault)
{
    enum ses_status status;
    size_t len;
    int fd;

    SES_TRY(open_file(path, what, &fd, &len, fault));
    if (ses_secret_new(len, secret) != SES_OK)
        status = ses_fault(fault, SES_NO_MEMORY, "no guarded memory to read it (ulimit -l)");
    else
        status = read_all(fd, secret->bytes, len, fault);
    (void)close(fd);
    return status;
}

enum ses_status ses_file_text_read(const struct ses_config *config, const struct ses_file_text *what,
                                   const struct ses_config_tls_file *file, struct ses_buf *buf,
                                   struct ses_fault *ret_fault)
{
    struct ses_fault fault = {.text = ""};
    enum ses_status status = file->path[0] == '\0' ? SES_OK : read_text(file->path, what, buf, &fault);

    return status == SES_OK ? SES_OK
                            : ses_file_text_refuse(config, what->key, file, status, fault.text, ret_fault);
}

enum ses_status ses_file_text_read_secret(const struct ses_config *config, const struct ses_file_text *what,
                                          const struct ses_config_tls_file *file, struct ses_secret *secret,
                                          struct ses_fault *ret_fault)
{
    struct ses_fault fault = {.text = ""};
    enum ses_status status = file->path[0] == '\0' ? SES_OK : read_secret(file->path, what, secret, &fault);

    return status == SES_OK ? SES_OK
                            : ses_file_text_refuse(config, what->key, file, status, fault.text, ret_fault);
}
