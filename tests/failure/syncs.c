/* Counts what is synced: loaded before the C library, in a process of its own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static long log_syncs, other_syncs;

static void count(int file) {
    char link[64], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length >= 4 && memcmp(name + length - 4, "-wal", 4) == 0)
        log_syncs++;
    else
        other_syncs++;
}

long syncs_of_the_log(void) { return log_syncs; }
long syncs_of_others(void) { return other_syncs; }

int fsync(int file) {
    count(file);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    count(file);
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
