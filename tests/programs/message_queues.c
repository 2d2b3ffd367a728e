// trick: a POSIX message queue with a note for the next run
// section: Kernel surface
// abuse: message to a later run: POSIX message queue
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>

int main(void) {
    struct mq_attr small = {.mq_maxmsg = 1, .mq_msgsize = 16};
    if (mq_open("/note", O_CREAT | O_RDWR, 0666, &small) != (mqd_t)-1) {
        puts("allowed");
        return 1;
    }
    puts("refused");
    return 0;
}
