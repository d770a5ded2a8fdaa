/* Pages are taken when they are touched first: what is large and must not fail later takes them itself
 * (store/lmdb/table.c). */
#include <sessiond/base/shared_memory.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum ses_status ses_shared_memory_new(const char *name, size_t bytes, int *ret_fd)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return SES_IO;
    if (ftruncate(fd, (off_t)bytes) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        int saved = errno;

        (void)close(fd);
        errno = saved;
        return SES_IO;
    }
    *ret_fd = fd;
    return SES_OK;
}

static enum ses_status map(int fd, size_t bytes, void *at, int flags, void **ret_memory)
{
    struct stat st;
    void *memory;

    if (fstat(fd, &st) != 0 || st.st_size != (off_t)bytes)
        return SES_FAILED_PRECONDITION;
    memory = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);
    if (memory == MAP_FAILED)
        return SES_NO_MEMORY;
    *ret_memory = memory;
    return SES_OK;
}

enum ses_status ses_shared_memory_map(int fd, size_t bytes, void **ret_memory)
{
    return map(fd, bytes, NULL, 0, ret_memory);
}

enum ses_status ses_shared_memory_map_at(int fd, size_t bytes, void *at)
{
    void *memory;

    return map(fd, bytes, at, MAP_FIXED, &memory);
}
