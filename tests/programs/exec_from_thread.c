// trick: a second thread replaces the program
// section: Processes
// verdict: RUNTIME_ERROR
// expect stdout: 'replaced\n'
// outcome: exit_code=5

#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

static void *replace(void *nothing) {
    (void)nothing;
    execl("/bin/sh", "sh", "-c", "echo replaced; exit 5", (char *)0);
    _exit(6);
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, replace, 0);
    pthread_join(thread, 0);
    return 7;
}
