/* In hex, so that an operator finds the machine's row: SELECT encode(machine, 'hex') FROM beat. */
#include "machine_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/file.h>
#include <sessiond/base/random.h>

#define TEXT_BYTES (2 * SES_PG_MACHINE_BYTES + 1) /* and the end of the line */

static void path_of(const struct ses_layout *layout, const char *name, char ret_path[SES_CONFIG_PATH_SIZE])
{
    (void)snprintf(ret_path, SES_CONFIG_PATH_SIZE, "%.*s/%s", SES_CONFIG_PATH_SIZE / 2, layout->dir, name);
}

/* SES_NOT_FOUND: there is none. */
static enum ses_status read_id(const char *path, uint8_t ret_id[SES_PG_MACHINE_BYTES],
                               struct ses_fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    uint8_t text[TEXT_BYTES];
    uint8_t more;
    size_t len;
    bool good;

    if (fd < 0)
        return errno == ENOENT ? SES_NOT_FOUND : ses_fault_open(fault, path, errno);
    good = ses_file_read_all(fd, text, sizeof(text)) && read(fd, &more, 1) == 0 &&
           text[TEXT_BYTES - 1] == '\n' &&
           ses_hex_decode(ses_slice(text, TEXT_BYTES - 1), ret_id, SES_PG_MACHINE_BYTES, &len) == SES_OK;
    (void)close(fd);
    return good ? SES_OK
                : ses_fault(
                      fault, SES_MALFORMED,
                      "%s: must hold this machine's number, %d hexadecimal digits: remove it, the next start "
                      "makes another one",
                      path, TEXT_BYTES - 1);
}

static bool write_text(const char *path, struct ses_slice text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    bool written = fd >= 0 && ses_file_write_all(fd, text) && fsync(fd) == 0;

    if (fd >= 0 && close(fd) != 0)
        written = false;
    return written;
}

/* Whole or not there: renamed once it is on disk. Lost with the directory's entry in a power cut, it is made anew, and the
 * machine has another row. */
static enum ses_status make_id(const struct ses_layout *layout, const char *path,
                               uint8_t ret_id[SES_PG_MACHINE_BYTES], struct ses_fault *fault)
{
    char fresh[SES_CONFIG_PATH_SIZE];
    char text[TEXT_BYTES + 1];

    path_of(layout, "machine.new", fresh);
    ses_random_bytes(ret_id, SES_PG_MACHINE_BYTES);
    (void)ses_hex_encode(ses_slice(ret_id, SES_PG_MACHINE_BYTES), text);
    text[TEXT_BYTES - 1] = '\n';
    if (!write_text(fresh, ses_slice(text, TEXT_BYTES)) || rename(fresh, path) != 0)
        return ses_fault(fault, SES_IO, "%s: cannot be written: %s", path, strerror(errno));
    return SES_OK;
}

enum ses_status ses_machine_id_open(const struct ses_layout *layout, uint8_t ret_id[SES_PG_MACHINE_BYTES],
                                    struct ses_fault *ret_fault)
{
    char path[SES_CONFIG_PATH_SIZE];
    enum ses_status status;

    path_of(layout, "machine", path);
    status = read_id(path, ret_id, ret_fault);
    return status == SES_NOT_FOUND ? make_id(layout, path, ret_id, ret_fault) : status;
}

enum ses_status ses_machine_id_check(const struct ses_layout *layout, struct ses_fault *ret_fault)
{
    uint8_t id[SES_PG_MACHINE_BYTES];
    char path[SES_CONFIG_PATH_SIZE];
    enum ses_status status;

    path_of(layout, "machine", path);
    status = read_id(path, id, ret_fault);
    return status == SES_NOT_FOUND ? SES_OK : status;
}
