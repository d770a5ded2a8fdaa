/* replay_main.c - runs a fuzz target over files, so that every compiler and every test run replays the
 * corpus.
 *
 *   replay_h1 FILE-OR-DIRECTORY...
 *
 * A target that misbehaves ends the process; the last line printed names the file.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX (1u << 20)
#define PATH_BYTES      4096

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;
    size_t size;

    if (file == NULL) {
        perror(path);
        return 1;
    }
    data = malloc(INPUT_BYTES_MAX);
    if (data == NULL) {
        (void)fclose(file);
        return 1;
    }
    size = fread(data, 1, INPUT_BYTES_MAX, file);
    (void)fclose(file);
    printf("%s: %zu bytes\n", path, size);
    (void)fflush(stdout);
    /* A block of exactly that size, so that a sanitizer sees the first byte read behind it. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact != NULL) {
        for (size_t i = 0; i < size; i++)
            exact[i] = data[i];
        (void)LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    free(data);
    return exact == NULL;
}

static int replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    int failed = 0;
    unsigned files = 0;

    if (directory == NULL) {
        perror(path);
        return 1;
    }
    while ((entry = readdir(directory)) != NULL) {
        char name[PATH_BYTES];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        failed |= replay_file(name);
        files++;
    }
    (void)closedir(directory);
    if (files == 0)
        (void)fprintf(stderr, "%s: no files\n", path);
    return failed | (files == 0);
}

int main(int argc, char **argv)
{
    int failed = argc < 2;

    for (int i = 1; i < argc; i++) {
        struct stat info;

        if (stat(argv[i], &info) != 0) {
            perror(argv[i]);
            failed = 1;
        } else if (S_ISDIR(info.st_mode)) {
            failed |= replay_directory(argv[i]);
        } else {
            failed |= replay_file(argv[i]);
        }
    }
    return failed;
}
