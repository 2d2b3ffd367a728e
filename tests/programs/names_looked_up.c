// trick: looks up names that are not there, each of which the kernel remembers
// section: Resources
// verdict: ACCEPTED
// limits: cpu_seconds=10 memory_bytes=33554432
// expect stdout: 'none\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <sys/stat.h>

int main(void) {
    char path[300];
    struct stat facts;
    for (int i = 0; i < 150000; i++) {
        snprintf(path, sizeof path, "/usr/lib/%0200d", i);
        if (stat(path, &facts) == 0)
            return 1;
    }
    puts("none");
    return 0;
}
