/* Stands between a program and the system's clock, and moves what it tells by the seconds that the file named by
   HOIDAP_TEST_CLOCK holds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long seconds(void) {
    char text[32] = {0};
    const char *path = getenv("HOIDAP_TEST_CLOCK");
    int file = path == NULL ? -1 : open(path, O_RDONLY);
    if (file < 0 || read(file, text, sizeof text - 1) < 0)
        text[0] = 0;
    if (file >= 0)
        close(file);
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME)
        time->tv_sec += seconds();
    return result;
}
