/* A disk whose sync takes a millisecond longer, as spinning disks and many rented ones do: preloaded into the bench by
   `bin/bench --slow-sync`. Both sides of a row go through it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int slowly(const char *name, int fd) {
    struct timespec wait = {0, 1000000};
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int outcome = sync(fd);
    nanosleep(&wait, 0);
    return outcome;
}

int fsync(int fd) { return slowly("fsync", fd); }
int fdatasync(int fd) { return slowly("fdatasync", fd); }
