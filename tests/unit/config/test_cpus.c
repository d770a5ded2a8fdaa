/* How many processors control groups leave, by files as the kernel has them. */
#include "unit.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpus.h"

#define OUR_CGROUP "/proc/self/cgroup"
#define V2         "/sys/fs/cgroup"
#define V1         "/sys/fs/cgroup/cpu"

static char root[64];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/sessiond-cpus-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

/* path below root, its folders made. */
static void put(const char *path, const char *text)
{
    char whole[512];
    FILE *file;

    (void)snprintf(whole, sizeof(whole), "%s%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(whole, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    file = fopen(whole, "we");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static unsigned all_of_them(void)
{
    cpu_set_t cpus;

    assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
    return (unsigned)CPU_COUNT(&cpus);
}

static unsigned at_most(unsigned quota)
{
    return quota < all_of_them() ? quota : all_of_them();
}

static void test_nothing_known(void **state)
{
    (void)state;
    assert_int_equal(ses_cpus_usable(root), all_of_them());
}

static void test_version_2(void **state)
{
    (void)state;
    put(OUR_CGROUP, "0::/a.slice/b.service\n");
    put(V2 "/a.slice/b.service/cpu.max", "max 100000\n");
    assert_int_equal(ses_cpus_usable(root), all_of_them());
    put(V2 "/a.slice/b.service/cpu.max", "100000 100000\n");
    assert_int_equal(ses_cpus_usable(root), 1);
    put(V2 "/a.slice/b.service/cpu.max", "150000 100000\n");
    assert_int_equal(ses_cpus_usable(root), at_most(2));
    put(V2 "/a.slice/b.service/cpu.max", "20000 100000\n"); /* a fifth */
    assert_int_equal(ses_cpus_usable(root), 1);
}

static void test_a_group_above_counts(void **state)
{
    (void)state;
    put(OUR_CGROUP, "0::/a.slice/b.service\n");
    put(V2 "/a.slice/b.service/cpu.max", "800000 100000\n");
    put(V2 "/a.slice/cpu.max", "50000 100000\n");
    assert_int_equal(ses_cpus_usable(root), 1);
}

/* Docker: the group is named as the host has it, the mount is the container's own. */
static void test_group_that_is_not_to_be_seen(void **state)
{
    (void)state;
    put(OUR_CGROUP, "0::/docker/0123456789abcdef\n");
    put(V2 "/cpu.max", "90000 100000\n");
    assert_int_equal(ses_cpus_usable(root), 1);
    put(OUR_CGROUP, "0::/\n");
    assert_int_equal(ses_cpus_usable(root), 1);
}

static void test_version_1(void **state)
{
    (void)state;
    put(OUR_CGROUP, "12:pids:/x\n5:cpuset:/x\n4:cpu,cpuacct:/x\n1:name=systemd:/x\n0::/x\n");
    put(V1 "/x/cpu.cfs_quota_us", "-1\n");
    put(V1 "/x/cpu.cfs_period_us", "100000\n");
    assert_int_equal(ses_cpus_usable(root), all_of_them());
    put(V1 "/x/cpu.cfs_quota_us", "100000\n");
    assert_int_equal(ses_cpus_usable(root), 1);
    put(OUR_CGROUP, "4:cpuacct,cpu:/x\n");
    assert_int_equal(ses_cpus_usable(root), 1);
    put(OUR_CGROUP, "5:cpuset:/x\n3:cpuacct:/x\n");
    assert_int_equal(ses_cpus_usable(root), all_of_them());
}

static void test_rubbish(void **state)
{
    (void)state;
    put(OUR_CGROUP, "rubbish\n0:\n0::\n");
    put(V2 "/cpu.max", "0 0\n");
    assert_int_equal(ses_cpus_usable(root), all_of_them());
    put(V2 "/cpu.max", "1\n");
    assert_int_equal(ses_cpus_usable(root), all_of_them());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_known),
        TEST(test_version_2),
        TEST(test_a_group_above_counts),
        TEST(test_group_that_is_not_to_be_seen),
        TEST(test_version_1),
        TEST(test_rubbish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
