/* Lets the wall clock of one process jump: preloaded, it adds to every reading of CLOCK_REALTIME the nanoseconds that
 * stand, as a 64-bit number, in the file named by JUMPING_CLOCK. The monotonic clock is left alone, and so are waits:
 * deadlines by the wall clock are handed to the kernel as it would have been asked for them without the jump.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL

static int64_t offset_ns(void) {
    static volatile int64_t *shared;
    static volatile int opened;
    if (!opened) {
        const char *path = getenv("JUMPING_CLOCK");
        int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (file >= 0) {
            void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
            close(file);
            if (mapped != MAP_FAILED) shared = mapped;
        }
        opened = 1;
    }
    return shared ? *shared : 0;
}

static void shift(struct timespec *when, int64_t by_ns) {
    int64_t total = (int64_t)when->tv_sec * SECOND_NS + when->tv_nsec + by_ns;
    when->tv_sec = total / SECOND_NS;
    when->tv_nsec = total % SECOND_NS;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(now, offset_ns());
    return result;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    /* Only for conditions of the wall clock: those of the monotonic clock have deadlines far in its past. */
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    /* The oldest version of the function, which a plain look-up may find, is of another kind of condition. */
    if (!real) real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!real) real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec shifted = *until;
    if (until->tv_sec > 1000000000) shift(&shifted, -offset_ns());
    return real(condition, mutex, &shifted);
}

int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
    static int (*real)(sem_t *, const struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "sem_timedwait");
    struct timespec shifted = *until;
    shift(&shifted, -offset_ns());
    return real(semaphore, &shifted);
}
