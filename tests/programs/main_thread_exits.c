// trick: the main thread ends, another goes on: the process is not over
// section: Processes
// verdict: ACCEPTED
// expect stdout: 'later\n'
// outcome: exit_code=0 wall_seconds>=0.2

#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *later(void *nothing) {
    (void)nothing;
    usleep(200000);
    puts("later");
    exit(0);
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, later, 0);
    pthread_exit(0);
}
