// trick: sixteen processes that replace themselves without end
// section: Processes
// abuse: exec after exec
// verdict: TIME_LIMIT
// limits: cpu_seconds=0.4
// outcome: stopped_by=cpu

#define _GNU_SOURCE
#include <unistd.h>

int main(int count, char **arguments) {
    if (count == 1) {
        for (int i = 0; i < 4; i++)
            fork();
    }
    (void)arguments;
    execl("/proc/self/exe", "again", "again", (char *)0);
    return 1;
}
