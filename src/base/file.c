#include <sessiond/base/file.h>

#include <errno.h>
#include <unistd.h>

bool ses_file_write_all(int fd, struct ses_slice bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.data, bytes.len);

        if (put < 0 && errno != EINTR)
            return false;
        if (put > 0)
            bytes = ses_slice_cut(bytes, (size_t)put, bytes.len);
    }
    return true;
}

bool ses_file_read_all(int fd, uint8_t *ret_bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t got = read(fd, ret_bytes + done, len - done);

        if (got == 0)
            errno = EIO;
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0)
            done += (size_t)got;
    }
    return true;
}
