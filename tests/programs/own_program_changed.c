// trick: changes its own executable, which the next test would run
// section: Files
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    char path[4096] = {0}, beside[4200], copy[4096];
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        return 2;
    strcpy(copy, path);
    snprintf(beside, sizeof beside, "%s/planted", dirname(copy));
    if (open(path, O_WRONLY) != -1 || open(path, O_RDWR | O_TRUNC) != -1 || unlink(path) != -1 || chmod(path, 0777) != -1 ||
        rename("/usr/bin/env", path) != -1 || truncate(path, 0) != -1 || open("/proc/self/exe", O_WRONLY) != -1) {
        printf("%s could be changed\n", path);
        return 1;
    }
    if (open(beside, O_CREAT | O_WRONLY, 0700) != -1) {
        printf("%s could be made\n", beside);
        return 1;
    }
    puts("refused");
    return 0;
}
