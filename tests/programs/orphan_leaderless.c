// trick: leaves an orphan whose first thread has ended and whose other threads spin
// section: Processes
// verdict: ACCEPTED
// expect stdout: 'left\n'

#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *spin(void *nothing) {
    for (;;)
        __asm__ volatile("");
    return nothing;
}

int main(void) {
    if (fork() == 0) {
        setsid();
        pthread_t thread;
        pthread_create(&thread, 0, spin, 0);
        pthread_create(&thread, 0, spin, 0);
        pthread_exit(0);
    }
    usleep(50000);
    puts("left");
    return 0;
}
