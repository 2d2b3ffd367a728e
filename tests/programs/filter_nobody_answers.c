// trick: a seccomp filter of its own that asks a listener which never answers
// section: Processes
// verdict: TIME_LIMIT
// limits: wall_seconds=0.5
// outcome: stopped_by=wall

#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0x7fc00000),  // SECCOMP_RET_USER_NOTIF
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {4, code};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 8, &filter) >= 0)  // SECCOMP_FILTER_FLAG_NEW_LISTENER
        getppid();
    for (;;)
        pause();
}
