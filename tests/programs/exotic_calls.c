// trick: io_uring, bpf, perf events, userfaultfd, fanotify, kexec, modules and other rarely needed calls
// section: Kernel surface
// verdict: ACCEPTED
// expect stdout: 'refused\n'

#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

struct call {
    const char *name;
    long number;
};

int main(void) {
    static char zeros[512];
    struct call calls[] = {
        {"io_uring_setup", 425}, {"io_uring_enter", 426}, {"io_uring_register", 427}, {"bpf", SYS_bpf},
        {"perf_event_open", SYS_perf_event_open}, {"userfaultfd", SYS_userfaultfd}, {"fanotify_init", SYS_fanotify_init},
        {"kexec_load", SYS_kexec_load}, {"kexec_file_load", SYS_kexec_file_load}, {"init_module", SYS_init_module},
        {"finit_module", SYS_finit_module}, {"delete_module", SYS_delete_module}, {"reboot", SYS_reboot},
        {"acct", SYS_acct}, {"quotactl", SYS_quotactl}, {"syslog", SYS_syslog}, {"iopl", SYS_iopl},
        {"ioperm", SYS_ioperm}, {"vhangup", SYS_vhangup}, {"lookup_dcookie", SYS_lookup_dcookie},
        {"name_to_handle_at", SYS_name_to_handle_at}, {"nfsservctl", SYS_nfsservctl}, {"uselib", SYS_uselib},
        {"modify_ldt", SYS_modify_ldt}, {"migrate_pages", SYS_migrate_pages}, {"move_pages", SYS_move_pages},
        {"memfd_secret", 447}, {"process_madvise", 440},
        {"quotactl_fd", 443}, {"sync", SYS_sync},
        {"statmount", 457}, {"listmount", 458}, {"mount_setattr", 442}, {"remap_file_pages", SYS_remap_file_pages}, {"io_setup", SYS_io_setup}, {"no such call", 1023}, {"no such call", 100000},
    };
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++) {
        // Zeros and valid memory, so that a refusal is one of the call and not of a wild pointer.
        long answer = syscall(calls[i].number, 1, zeros, 1, zeros, 0, 0);
        if (answer != -1) {
            printf("%s was allowed\n", calls[i].name);
            return 1;
        }
    }
    if (syscall(SYS_userfaultfd, 1) != -1 || syscall(SYS_bpf, 0, zeros, 48) != -1 || syscall(425, 4, zeros) != -1) {
        puts("one more was allowed");
        return 1;
    }
    puts("refused");
    return 0;
}
